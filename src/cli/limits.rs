//! How far repositories are read, and by which clock: the same for every command that reads them.

use std::time::{Duration, Instant};

use clap::Args;

use crate::audit::Options;
use crate::detect::{self, Detector};
use crate::model::ReadLimits;

/// How far objects are read
#[derive(Args, Debug)]
pub(super) struct LimitArguments {
    /// Do not read objects larger than SIZE (bytes, or with K, M, G), blobs apart that are searched while they are
    /// unpacked (see --max-memory); they are told and make exit 3 [default: 1G]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    max_blob_size: Option<u64>,
    /// Hold SIZE bytes of objects at once, all threads together. A blob larger than half of it is searched while it is
    /// unpacked, whatever its size; what needs more and cannot be is told and makes exit 3 [default: 512M]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    max_memory: Option<u64>,
    /// Decode SIZE bytes at most of the encodings and containers of one object; past it is told and makes exit 3 [default:
    /// 256M]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    max_decoded: Option<u64>,
    /// Follow encodings and containers N deep [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=i64::from(ReadLimits::MOST_DEPTH)), help_heading = "Limits")]
    max_depth: Option<u8>,
    /// Follow the encodings and containers of one object for SECONDS at most; past it is told and makes exit 3 [default:
    /// 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=ReadLimits::MOST_OBJECT_TIME), help_heading = "Limits")]
    max_object_time: Option<u64>,
}

impl LimitArguments {
    /// Those that are given, over others.
    pub(super) fn over(&self, others: ReadLimits) -> ReadLimits {
        ReadLimits {
            max_depth: self.max_depth.unwrap_or(others.max_depth),
            max_decoded: self.max_decoded.unwrap_or(others.max_decoded),
            max_object_time: self.max_object_time.unwrap_or(others.max_object_time),
            max_blob_size: self.max_blob_size.unwrap_or(others.max_blob_size),
            max_memory: self.max_memory.unwrap_or(others.max_memory),
        }
    }
}

/// The search, as far as the limits let it go.
pub(super) fn detector(limits: ReadLimits) -> Detector {
    let ReadLimits { max_depth, max_decoded, .. } = limits;
    Detector::with_limits(detect::Limits { depth: max_depth.into(), decoded: max_decoded, ..Default::default() })
}

/// What is asked of an audit within these limits: everything.
pub(super) fn options(limits: ReadLimits) -> Options {
    let ReadLimits { max_object_time, max_blob_size, max_memory, .. } = limits;
    let time_for_object = Some((Duration::from_secs(max_object_time), Instant::now as fn() -> Instant));
    Options { max_blob_size, max_memory, time_for_object, ..Options::default() }
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let factor = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err("a number of bytes, or one with K, M or G".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a number of bytes, or one with K, M or G".to_owned())?;
    number.checked_mul(factor).filter(|size| *size > 0).ok_or_else(|| "a size that fits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        limits: LimitArguments,
    }

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(size("100"), Ok(100));
        assert_eq!(size("2K"), Ok(2048));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        for wrong in ["", "x", "0", "1T", "-1", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_help_has_the_defaults_and_what_is_not_given_stays_as_it_was() {
        use clap::{CommandFactory, Parser};
        let defaults = ["--max-blob-size=1G", "--max-memory=512M", "--max-decoded=256M", "--max-depth=5"];
        let all = ["x"].into_iter().chain(defaults).chain(["--max-object-time=60"]);
        let given = Command::parse_from(all).limits.over(ReadLimits { max_depth: 9, ..ReadLimits::default() });
        assert_eq!(given, ReadLimits::default());
        let help = Command::command().render_long_help().to_string();
        for default in ["1G]", "512M]", "256M]", "5]", "60]"] {
            assert!(help.contains(default), "{default} {help}");
        }
        let others = ReadLimits { max_depth: 9, ..ReadLimits::default() };
        assert_eq!(Command::parse_from(["x"]).limits.over(others), others);
    }

    #[test]
    fn limits_are_those_of_the_detector_and_the_reader_by_default() {
        let (limits, defaults) = (ReadLimits::default(), detect::Limits::default());
        assert_eq!((usize::from(limits.max_depth), limits.max_decoded), (defaults.depth, defaults.decoded));
        let options = Options::default();
        assert_eq!((limits.max_blob_size, limits.max_memory), (options.max_blob_size, options.max_memory));
    }
}
