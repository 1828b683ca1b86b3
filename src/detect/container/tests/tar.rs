//! Tar.

use super::*;

fn end() -> Vec<u8> {
    vec![0; 1024]
}

#[test]
fn every_way_to_write_a_long_name_is_read() {
    let long = "deep/".repeat(40) + "file";
    let gnu =
        [make::tar("././@LongLink", b'L', format!("{long}\0").as_bytes()), make::tar("deep/de", b'0', b"gnu"), end()];
    let record = |key: &str, value: &str| {
        let bare = key.len() + value.len() + 3;
        let length = (bare..).find(|length| length.to_string().len() + bare == *length).unwrap();
        format!("{length} {key}={value}\n")
    };
    let records = record("mtime", "1.5") + &record("path", &long) + &record("comment", "a comment");
    let pax = [make::tar("PaxHeaders/file", b'x', records.as_bytes()), make::tar("deep/de", b'0', b"pax"), end()];
    let mut header = make::tar_header("file", b'0', 5);
    header[257..265].copy_from_slice(b"ustar\x0000");
    let prefix = &long[..long.len() - 5][..150];
    header[345..495].copy_from_slice(prefix.as_bytes());
    let ustar = [make::filled(&make::with_checksum(header), b"ustar"), end()];

    let (outcome, kept) = read(Format::Tar, &gnu.concat());
    assert_eq!((outcome, at(&kept, &long)), (Outcome::Read, vec![&b"gnu"[..]]));
    let (outcome, kept) = read(Format::Tar, &pax.concat());
    assert_eq!((outcome, at(&kept, &long)), (Outcome::Read, vec![&b"pax"[..]]));
    assert_eq!(at(&kept, "PaxHeaders/file"), [records.as_bytes()], "what its records say is handed over");
    let (outcome, kept) = read(Format::Tar, &ustar.concat());
    assert_eq!((outcome, at(&kept, &format!("{prefix}/file"))), (Outcome::Read, vec![&b"ustar"[..]]));
}

#[test]
fn the_oldest_have_no_magic() {
    let header = make::with_checksum(make::tar_header("old", 0, 8));
    let bytes = [make::filled(&header, b"the text"), end()].concat();
    assert_eq!(sniff(&bytes), Some(Format::Tar));
    let (outcome, kept) = read(Format::Tar, &bytes);
    assert_eq!((outcome, at(&kept, "old")), (Outcome::Read, vec![&b"the text"[..]]));
}

#[test]
fn where_links_lead_is_handed_over_and_they_have_no_bytes() {
    let link = |kind, length| {
        let mut header = make::tar_header("link", kind, length);
        header[157..163].copy_from_slice(b"target");
        make::with_checksum(header).to_vec()
    };
    // Some writers give a link the size of what it leads to.
    for (kind, length) in [(b'2', 0), (b'2', 700), (b'1', 0), (b'1', 700)] {
        let bytes = [link(kind, length), make::tar("next", b'0', b"the next"), end()].concat();
        let (outcome, kept) = read(Format::Tar, &bytes);
        assert_eq!(outcome, Outcome::Read);
        assert_eq!((at(&kept, "link"), at(&kept, "next")), (vec![&b"target"[..]], vec![&b"the next"[..]]));
    }
}

#[test]
fn sparse_files_are_what_is_stored_of_them() {
    let mut header = make::tar_header("sparse", b'S', 8);
    header[257..265].copy_from_slice(b"ustar  \0");
    header[386..398].copy_from_slice(b"00000000000\0");
    header[398..410].copy_from_slice(b"00000000010\0");
    header[482] = 1;
    header[483..495].copy_from_slice(b"77777777777\0");
    let (mut more, last) = ([0; 512], [0; 512]);
    more[504] = 1;
    let bytes =
        [&make::with_checksum(header)[..], &more, &make::filled(&last, b"the text"), &make::tar("next", b'0', b"next")];
    let (outcome, kept) = read(Format::Tar, &bytes.concat());
    assert_eq!(outcome, Outcome::Read);
    assert_eq!((at(&kept, "sparse"), at(&kept, "next")), (vec![&b"the text"[..]], vec![&b"next"[..]]));
}

#[test]
fn sizes_may_be_binary_or_stand_in_a_pax_record() {
    let mut header = make::tar_header("binary", b'0', 0);
    header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8]);
    let binary = make::filled(&make::with_checksum(header), b"the text");
    let pax =
        [make::tar("x", b'x', b"9 size=4\n"), make::filled(&make::tar("pax", b'0', b"")[..512], b"more")].concat();
    let (outcome, kept) = read(Format::Tar, &[binary, pax, make::tar("next", b'0', b"next"), end()].concat());
    assert_eq!(outcome, Outcome::Read);
    assert_eq!((at(&kept, "binary"), at(&kept, "pax")), (vec![&b"the text"[..]], vec![&b"more"[..]]));
    assert_eq!(at(&kept, "next"), [b"next"]);
}

#[test]
fn a_damaged_header_loses_one_entry_and_is_told() {
    let mut damaged = make::tar("second", b'0', &[b'x'; 2000]);
    damaged[150] = b'?';
    let bytes = [make::tar("first", b'0', b"first"), damaged, make::tar("third", b'0', b"third"), end()].concat();
    let (outcome, kept) = read(Format::Tar, &bytes);
    assert_eq!(outcome, Outcome::Opaque("damaged"));
    assert_eq!((at(&kept, "first"), at(&kept, "third")), (vec![&b"first"[..]], vec![&b"third"[..]]));
    let mut lying = make::tar_header("lying", b'0', 0);
    lying[124..136].copy_from_slice(b"77777777777\0");
    let bytes = [&make::with_checksum(lying)[..], &make::tar("next", b'0', b"next")].concat();
    let (outcome, kept) = read(Format::Tar, &bytes);
    assert_eq!(outcome, Outcome::Opaque("cut short"));
    assert_eq!(at(&kept, "lying")[0].len(), 1024, "what is there is handed over, with all that stands in it");
}

#[test]
fn what_was_appended_behind_the_end_is_read() {
    let bytes = [make::tar("first", b'0', b"first"), end(), make::tar("second", b'0', b"second"), end()].concat();
    let (outcome, kept) = read(Format::Tar, &[&bytes[..], &[b'j'; 700]].concat());
    assert_eq!((outcome, kept.len()), (Outcome::Read, 2));
}

#[test]
fn what_is_none_is_told_from_what_is() {
    assert_eq!(read(Format::Tar, &[b'a'; 2048]).0, Outcome::NotOne);
    assert_eq!(read(Format::Tar, b"").0, Outcome::NotOne);
    assert_eq!(sniff(&[b'0'; 2048]), None);
}

#[test]
fn directories_and_files_with_nothing_in_them_give_nothing() {
    let bytes = [make::tar("folder/", b'5', b""), make::tar("none", b'0', b""), end()].concat();
    assert_eq!(read(Format::Tar, &bytes), (Outcome::Read, Vec::new()));
}
