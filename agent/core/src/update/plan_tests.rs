//! Plans, and a disk that they are carried out on.

use proptest::prelude::*;
use tayberry_format::bundle::index::{REPEAT, Region};

use super::*;

const BLOCK: u64 = 4096;

fn id(number: u8) -> ChunkId {
    ChunkId([number; 32])
}

/// A system partition of chunks that are one block each.
fn index(numbers: &[u8]) -> Index {
    let chunks = numbers.iter().map(|n| Entry { id: id(*n), bytes: 4096, stored: 4096 }).collect();
    Index { regions: vec![Region { part: Part::System, offset: 0, chunks }] }
}

fn place(block: u64) -> Place {
    Place { part: Part::System, offset: block * BLOCK }
}

fn held(running: &[u8], target: &[u8]) -> Held {
    let mut held = Held::default();
    for (block, number) in (0..).zip(running) {
        held.running.insert(id(*number), place(block));
    }
    for (block, number) in (0..).zip(target) {
        held.target.entry(id(*number)).or_default().push(place(block));
    }
    held
}

#[test]
fn what_is_there_is_not_fetched() {
    let plan = Plan::new(&index(&[1, 2, 3, 4, 5]), &held(&[9, 2], &[1, 8, 8, 8, 8, 4]));
    let sources: Vec<Source> = plan.steps.iter().map(|step| step.source).collect();
    assert_eq!(
        sources,
        [Source::InPlace, Source::Running(place(1)), Source::Pack, Source::Ahead(place(5)), Source::Pack]
    );
    assert_eq!((plan.needed(), plan.written()), (2 * BLOCK, 4 * BLOCK));
    // A gap of one chunk costs less than another round trip.
    assert_eq!(plan.ranges().first(), Some(&(2 * BLOCK..5 * BLOCK)));
}

#[test]
fn nothing_to_do_and_everything_to_do() {
    let all: Vec<u8> = (0..200).collect();
    let done = Plan::new(&index(&all), &held(&[], &all));
    assert_eq!((done.needed(), done.written(), done.ranges().len()), (0, 0, 0));
    let fresh = Plan::new(&index(&all), &Held::default());
    assert_eq!(fresh.ranges().first(), Some(&(0..200 * BLOCK)));
    let none = Plan::new(&Index { regions: Vec::new() }, &Held::default());
    assert!(none.ranges().is_empty());
}

#[test]
fn what_came_before_is_read_back_unless_the_running_slot_has_it() {
    let far = REPEAT / BLOCK;
    let mut numbers: Vec<u8> = (0..=u8::try_from(far / 16).unwrap()).collect();
    numbers.push(0);
    let mut repeated = index(&numbers);
    for chunk in &mut repeated.regions[0].chunks {
        chunk.bytes *= 16;
    }
    repeated.regions[0].chunks.last_mut().unwrap().stored = 0;
    let last = |held: &Held| Plan::new(&repeated, held).steps.last().copied().unwrap();
    let step = last(&Held::default());
    assert_eq!((step.source, step.pack, step.entry.stored), (Source::Behind(place(0)), 0, 4096));
    assert_eq!(last(&held(&[0], &[])).source, Source::Running(place(0)));
    assert_eq!(Plan::new(&repeated, &Held::default()).needed(), repeated.pack_bytes());
}

proptest! {
    /// Whatever lies on the disk: carried out in order, the plan gives the version, every byte that it needs is in a range,
    /// and a second plan has nothing to do.
    #[test]
    fn carried_out_it_gives_the_version(
        wanted in prop::collection::vec(0_u8..12, 0..40),
        running in prop::collection::vec(0_u8..12, 0..40),
        mut target in prop::collection::vec(0_u8..12, 40),
    ) {
        let index = index(&wanted);
        let plan = Plan::new(&index, &held(&running, &target));
        let ranges = plan.ranges();
        prop_assert!(cost(&ranges) <= plan.pack_bytes + REQUEST_BYTES);
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let block = |place: Place| usize::try_from(place.offset / BLOCK).unwrap();
        for step in &plan.steps {
            let number = match step.source {
                Source::InPlace => target[block(step.to)],
                Source::Running(from) => running[block(from)],
                Source::Ahead(from) | Source::Behind(from) => target[block(from)],
                Source::Pack => {
                    prop_assert!(ranges.iter().any(|range| range.contains(&step.pack)));
                    wanted[usize::try_from(step.pack / BLOCK).unwrap()]
                }
            };
            prop_assert_eq!(id(number), step.entry.id);
            target[block(step.to)] = number;
        }
        prop_assert_eq!(&target[..wanted.len()], &wanted[..]);
        let again = Plan::new(&index, &held(&running, &target));
        prop_assert_eq!((again.needed(), again.written()), (0, 0));
    }
}
