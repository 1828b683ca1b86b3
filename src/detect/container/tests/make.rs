//! Makes containers, well-formed and otherwise.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lzma_rust2::{Lzma2Options, Lzma2Writer, XzOptions, XzWriter};

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// `count` zeros, which are never in memory at once.
pub(super) fn gzip_of_zeros(count: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for at in (0..count).step_by(zeros.len()) {
        encoder.write_all(&zeros[..zeros.len().min(count - at)]).unwrap();
    }
    encoder.finish().unwrap()
}

pub(super) fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// An entry as a zip states it, true or not.
#[derive(Clone)]
pub(super) struct ZipEntry {
    pub(super) name: &'static str,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    pub(super) extra: Vec<u8>,
}

/// A zip that is being written.
#[derive(Default)]
pub(super) struct Zip {
    pub(super) bytes: Vec<u8>,
    /// What the directory will say: where, and what.
    pub(super) directory: Vec<(u32, ZipEntry)>,
    pub(super) comment: Vec<u8>,
}

impl Zip {
    fn entry(name: &'static str, method: u16, data: &[u8], content: &[u8]) -> ZipEntry {
        let (packed, size) = (data.len() as u32, content.len() as u32);
        ZipEntry { name, flags: 0, method, crc: crc32(content), packed, size, extra: Vec::new() }
    }

    pub(super) fn header(&mut self, entry: &ZipEntry) -> &mut Self {
        self.bytes.extend_from_slice(b"PK\x03\x04\x14\x00");
        for number in [entry.flags, entry.method, 0, 0] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [entry.crc, entry.packed, entry.size] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes.extend_from_slice(&(entry.name.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&(entry.extra.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(entry.name.as_bytes());
        self.bytes.extend_from_slice(&entry.extra);
        self
    }

    /// A header, data, and that in the directory.
    pub(super) fn add(&mut self, entry: ZipEntry, data: &[u8]) -> &mut Self {
        let at = self.bytes.len() as u32;
        self.header(&entry);
        self.bytes.extend_from_slice(data);
        self.directory.push((at, entry));
        self
    }

    pub(super) fn deflated(&mut self, name: &'static str, content: &[u8]) -> &mut Self {
        let data = deflate(content);
        self.add(Self::entry(name, 8, &data, content), &data)
    }

    pub(super) fn stored(&mut self, name: &'static str, content: &[u8]) -> &mut Self {
        self.add(Self::entry(name, 0, content, content), content)
    }

    /// As one writes who does not know the sizes before.
    pub(super) fn streamed(&mut self, name: &'static str, content: &[u8]) -> &mut Self {
        let data = deflate(content);
        self.with_descriptor(name, 8, &data, content)
    }

    pub(super) fn with_descriptor(
        &mut self,
        name: &'static str,
        method: u16,
        data: &[u8],
        content: &[u8],
    ) -> &mut Self {
        let known = ZipEntry { flags: 8, ..Self::entry(name, method, data, content) };
        let at = self.bytes.len() as u32;
        self.header(&ZipEntry { crc: 0, packed: 0, size: 0, ..known.clone() });
        self.bytes.extend_from_slice(data);
        self.bytes.extend_from_slice(b"PK\x07\x08");
        for number in [known.crc, known.packed, known.size] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.directory.push((at, known));
        self
    }

    pub(super) fn finish(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let start = bytes.len() as u32;
        for (at, entry) in &self.directory {
            bytes.extend_from_slice(b"PK\x01\x02\x14\x03\x14\x00");
            for number in [entry.flags, entry.method, 0, 0] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            for number in [entry.crc, entry.packed, entry.size] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            for number in [entry.name.len() as u16, entry.extra.len() as u16, 0, 0, 0, 0, 0] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&at.to_le_bytes());
            bytes.extend_from_slice(entry.name.as_bytes());
            bytes.extend_from_slice(&entry.extra);
        }
        let size = bytes.len() as u32 - start;
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        let count = self.directory.len() as u16;
        for number in [count, count] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [size, start] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&(self.comment.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.comment);
        bytes
    }
}

/// A header of tar with no magic and no checksum yet.
pub(super) fn tar_header(name: &str, kind: u8, length: usize) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{length:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header
}

pub(super) fn with_checksum(mut header: [u8; 512]) -> [u8; 512] {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A header of ustar, the content, and what fills its last block.
pub(super) fn tar(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = tar_header(name, kind, content.len());
    header[257..265].copy_from_slice(b"ustar\x0000");
    filled(&with_checksum(header), content)
}

pub(super) fn filled(header: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = [header, content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(super) fn pdf(streams: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    for (number, content) in streams.iter().enumerate() {
        let data = zlib(content);
        bytes.extend_from_slice(
            format!("{} 0 obj\n<< /Filter /FlateDecode /Length {} >>\nstream\r\n", number + 1, data.len()).as_bytes(),
        );
        bytes.extend_from_slice(&data);
        bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }
    bytes.extend_from_slice(b"trailer\n<< /Root 1 0 R >>\n%%EOF\n");
    bytes
}

/// A number as 7z writes it, always in nine bytes.
pub(super) fn sevenz_number(value: u64) -> Vec<u8> {
    [&[0xff][..], &value.to_le_bytes()].concat()
}

/// An archive of those streams with that header.
pub(super) fn sevenz(streams: &[u8], header: &[u8]) -> Vec<u8> {
    let start = [(streams.len() as u64).to_le_bytes(), (header.len() as u64).to_le_bytes()].concat();
    let start = [&start[..], &crc32(header).to_le_bytes()].concat();
    [b"7z\xbc\xaf\x27\x1c\x00\x04", &crc32(&start).to_le_bytes()[..], &start, streams, header].concat()
}

/// The header of an archive in which one coder makes all files of one stream.
pub(super) fn sevenz_header(packed: usize, coder: &[u8], files: &[(&str, &[u8])]) -> Vec<u8> {
    let number = |value: usize| sevenz_number(value as u64);
    let total = files.iter().map(|(_, content)| content.len()).sum();
    let mut header = vec![0x01, 0x04, 0x06, 0x00, 0x01, 0x09];
    header.extend(number(packed));
    header.extend([0x00, 0x07, 0x0b, 0x01, 0x00, 0x01]);
    header.extend(coder);
    header.push(0x0c);
    header.extend(number(total));
    header.extend([0x00, 0x08, 0x0d, files.len() as u8, 0x09]);
    for (_, content) in &files[..files.len() - 1] {
        header.extend(number(content.len()));
    }
    header.extend([0x0a, 0x01]);
    for (_, content) in files {
        header.extend(crc32(content).to_le_bytes());
    }
    header.extend([0x00, 0x00, 0x05, files.len() as u8]);
    let mut names = vec![0x00];
    for (name, _) in files {
        names.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    }
    header.push(0x11);
    header.extend(number(names.len()));
    header.extend(names);
    header.extend([0x00, 0x00]);
    header
}

fn joined(files: &[(&str, &[u8])]) -> Vec<u8> {
    files.iter().flat_map(|(_, content)| content.to_vec()).collect()
}

pub(super) fn sevenz_stored(files: &[(&str, &[u8])]) -> Vec<u8> {
    let streams = joined(files);
    sevenz(&streams, &sevenz_header(streams.len(), &[0x01, 0x00], files))
}

/// Dictionaries of 16 MiB, and how a coder says so.
const LZMA2: [u8; 4] = [0x21, 0x21, 0x01, 24];

fn lzma2(content: &[u8]) -> Vec<u8> {
    let mut encoder = Lzma2Writer::new(Vec::new(), Lzma2Options::with_preset(0));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn sevenz_lzma2(files: &[(&str, &[u8])]) -> Vec<u8> {
    let streams = lzma2(&joined(files));
    sevenz(&streams, &sevenz_header(streams.len(), &LZMA2, files))
}

/// One file of that content many times over.
pub(super) fn sevenz_repeated(content: &[u8], times: usize) -> Vec<u8> {
    let once = lzma2(content);
    let (end, chunks) = once.split_last().unwrap();
    let streams = [&chunks.repeat(times)[..], &[*end]].concat();
    let mut header = sevenz_header(streams.len(), &LZMA2, &[("n", content)]);
    let size = sevenz_number(content.len() as u64);
    let at = header.windows(9).rposition(|window| window == size).unwrap();
    header[at..at + 9].copy_from_slice(&sevenz_number((content.len() * times) as u64));
    sevenz(&streams, &header)
}
