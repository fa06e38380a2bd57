//! Tests of [`super`].

use std::io::{Seek, SeekFrom, Write};

use proptest::prelude::*;

use super::*;

/// 40,000 bytes: blocks 0, 3 and 4, and the last one, which is not whole.
fn image() -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.set_len(40_000).unwrap();
    for (at, bytes) in [(10, &b"head"[..]), (4096 * 4 - 2, b"both"), (39_999, b"!")] {
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    }
    file
}

#[test]
fn golden() {
    let map = Map::of_sparse(&image(), &[]).unwrap();
    assert_eq!(map.render(), include_str!("../fixtures/bmap.xml"));
    assert_eq!(Map::parse(map.render().as_bytes()), Ok(map));
}

#[test]
fn holes_that_must_read_as_zeros_are_mapped() {
    let map = Map::of_sparse(&image(), &[4096 * 5..4096 * 5 + 1, 38_000..50_000]).unwrap();
    let places: Vec<(u64, u64)> = map.runs.iter().map(|run| (run.offset / BLOCK, run.bytes)).collect();
    assert_eq!(places, [(0, 4096), (3, 3 * 4096), (9, 40_000 - 9 * 4096)]);
    let empty = tempfile::tempfile().unwrap();
    assert_eq!(Map::of_sparse(&empty, &[]).unwrap().runs, []);
}

/// The golden file with a change, and its checksum made right again.
fn sealed(from: &str, to: &str) -> String {
    let text = include_str!("../fixtures/bmap.xml");
    assert!(text.contains(from), "{from}");
    let at = text.find("<BmapFileChecksum> ").unwrap() + "<BmapFileChecksum> ".len();
    let (head, rest) = text.split_at(at);
    let open = format!("{head}{NO_CHECKSUM}{}", &rest[64..]).replacen(from, to, 1);
    open.replacen(NO_CHECKSUM, &hex::encode(Sha256::digest(&open)), 1)
}

#[test]
fn a_map_that_contradicts_itself_is_refused() {
    let rows = [
        ("version=\"2.0\"", "version=\"1.4\"", "version"),
        ("sha256", "sha1", "ChecksumType"),
        ("> 4096 <", "> 512 <", "BlockSize"),
        ("> 10 <", "> 11 <", "BlocksCount"),
        ("<MappedBlocksCount> 4", "<MappedBlocksCount> 5", "MappedBlocksCount"),
        ("> 40000 <", "> -40000 <", "ImageSize is not a number"),
        ("> 40000 <", "> 99999999999999999999 <", "ImageSize is not a number"),
        ("> 3-4 <", "> 4-3 <", "range \"4-3\""),
        ("> 3-4 <", "> 0-1 <", "range \"0-1\""),
        ("> 9 <", "> 10 <", "range \"10\""),
        ("> 9 <", "> 9223372036854775807 <", "range"),
        ("> 9 <", "> +9 <", "range"),
        ("<Range chksum=\"", "<Range chksum=\"0", "range"),
        ("<Range chksum", "<Other chksum", "not XML"),
        ("<BlockMap>", "<ImageSize>1</ImageSize><BlockMap>", "there twice"),
        ("<bmap", "<!DOCTYPE bmap [<!ENTITY a \"b\">]><bmap", "not XML"),
    ];
    for (from, to, part) in rows {
        let error = Map::parse(sealed(from, to).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{from} -> {to}: {error}");
    }
    assert_eq!(Map::parse(&vec![b' '; MAX_BYTES + 1]), Err(BmapError::TooLarge(MAX_BYTES + 1)));
    let altered = include_str!("../fixtures/bmap.xml").replace("> 9 <", "> 8 <");
    assert_eq!(Map::parse(altered.as_bytes()), Err(BmapError::Altered));
}

proptest! {
    #[test]
    fn hostile_bytes_give_an_error(at in 0..900_usize, byte in any::<u8>(), cut in 0..900_usize) {
        let mut bytes = include_bytes!("../fixtures/bmap.xml").to_vec();
        let (at, before) = (at.min(bytes.len() - 1), bytes.clone());
        bytes[at] = byte;
        prop_assert!(bytes == before || Map::parse(&bytes).is_err());
        prop_assert!(Map::parse(&before[..cut.min(before.len() - 2)]).is_err());
    }
}
