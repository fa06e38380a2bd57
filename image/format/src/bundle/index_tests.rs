//! Indexes that come back as they were, and hostile ones.

use proptest::prelude::*;

use super::*;

fn entry(bytes: u32, stored: u32) -> Entry {
    Entry { id: ChunkId([7; 32]), bytes, stored }
}

fn region(part: Part, offset: u64, lengths: &[u32]) -> Region {
    Region { part, offset, chunks: lengths.iter().map(|bytes| entry(*bytes, *bytes)).collect() }
}

#[test]
fn golden() {
    let index = Index {
        regions: vec![
            region(Part::System, 0, &[4096, 8192]),
            Region { part: Part::Boot, offset: 4096, chunks: vec![entry(4096, 20)] },
        ],
    };
    let bytes = index.encode();
    assert_eq!(hex::encode(&bytes), include_str!("../../fixtures/index.hex").trim());
    assert_eq!(Index::decode(&bytes), Ok(index.clone()));
    assert_eq!((index.bytes(), index.pack_bytes()), (16_384, 12_308));
}

#[test]
fn what_does_not_fit_a_slot_is_refused() {
    let end = layout::SYSTEM_BYTES - 4096;
    let rows = [
        (vec![region(Part::System, 100, &[4096])], "blocks of 4096"),
        (vec![region(Part::System, 0, &[4095])], "blocks of 4096"),
        (vec![region(Part::System, end, &[8192])], "does not fit"),
        (vec![region(Part::System, u64::MAX - 4095, &[4096])], "does not end"),
        (vec![region(Part::Boot, 0, &[8192]), region(Part::Boot, 4096, &[4096])], "overlaps"),
        (vec![region(Part::Boot, 0, &[1 << 17])], "131072 bytes"),
        (vec![Region { part: Part::Boot, offset: 0, chunks: vec![entry(4096, 4097)] }], "4097 in the pack"),
        (vec![Region { part: Part::Boot, offset: 0, chunks: vec![entry(4096, 0)] }], "0 in the pack"),
        (vec![region(Part::Boot, 0, &[]); 9], "more than eight"),
    ];
    for (regions, part) in rows {
        let text = Index::decode(&Index { regions }.encode()).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    // The same place in the two partitions is not the same place.
    let both = vec![region(Part::Boot, 0, &[4096]), region(Part::System, 0, &[4096])];
    Index::decode(&Index { regions: both }.encode()).unwrap();
}

#[test]
fn other_lengths_than_it_says() {
    let good = Index { regions: vec![region(Part::System, 0, &[4096, 8192])] }.encode();
    for length in 0..good.len() {
        assert!(Index::decode(&good[..length]).is_err(), "{length}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(matches!(Index::decode(&longer), Err(IndexError::Length { .. })));
    // Four thousand million chunks in forty bytes.
    let mut many = good;
    many[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Index::decode(&many), Err(IndexError::Length { .. })));
}

#[test]
fn a_chunk_that_came_before_is_left_out_once_it_is_on_the_drive() {
    let far = u32::try_from(REPEAT / 65_536).unwrap();
    let other = |number: u32| Entry {
        id: ChunkId([u8::try_from(number).unwrap() + 100; 32]),
        bytes: 65_536,
        stored: 9,
    };
    let chunks: Vec<Entry> = [entry(65_536, 20), entry(65_536, 20)]
        .into_iter()
        .chain((0..far).map(other))
        .chain([entry(65_536, 20)])
        .collect();
    let boot = Region { part: Part::Boot, offset: 0, chunks: vec![entry(65_536, 20)] };
    let mut index = Index { regions: vec![Region { part: Part::System, offset: 0, chunks }, boot] };
    let whole = index.pack_bytes();
    let mut repeats = Repeats::default();
    let places: Vec<(usize, u64)> =
        index.placed().iter().map(|placed| (usize::from(placed.part == Part::Boot), placed.offset)).collect();
    let chunks = index.regions.iter_mut().flat_map(|region| &mut region.chunks);
    let mut numbers = Vec::new();
    for (number, (chunk, (region, offset))) in chunks.zip(&places).enumerate() {
        if repeats.may_leave_out(chunk.id, *region, *offset) {
            chunk.stored = 0;
            numbers.push(number);
        }
    }
    // The second is too near, the last of the region far enough, the boot partition comes later anyway.
    assert_eq!(numbers, [places.len() - 2, places.len() - 1]);
    assert_eq!(index.pack_bytes(), whole - 40);
    let placed = index.placed();
    for number in numbers {
        assert_eq!(placed[number].repeats, Some((Part::System, 0)));
        assert_eq!((placed[number].entry.stored, placed[number].pack), (20, 0));
    }
    assert_eq!(Index::decode(&index.encode()), Ok(index.clone()));
    // Nearer than what a writer holds: refused.
    index.regions[0].chunks.drain(2..5);
    assert!(matches!(Index::decode(&index.encode()), Err(IndexError::Chunk { stored: 0, .. })));
}

proptest! {
    #[test]
    fn comes_back(lengths in prop::collection::vec((1_u32..16, 1_u32..4096), 0..50), offset in 0_u64..1000) {
        let chunks = lengths.iter().map(|(blocks, stored)| entry(blocks * 4096, *stored)).collect();
        let index = Index { regions: vec![Region { part: Part::System, offset: offset * ALIGN, chunks }] };
        prop_assert_eq!(Index::decode(&index.encode()), Ok(index));
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400), ours in any::<bool>()) {
        let bytes = if ours { [&MAGIC[..], &[2, 0, 0, 0], &bytes].concat() } else { bytes };
        if let Ok(index) = Index::decode(&bytes) {
            prop_assert_eq!(index.encode(), bytes);
        }
    }
}
