//! NATS-Bench as a single bzip2 pickle, and what it shares with NAS-Bench-201: one dictionary of all architectures.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bzip2::bufread::MultiBzDecoder;

use super::pickle::{Input, Limits, Machine, Uses, Value, Watch};
use super::{FormatEntry, ImportError, Sink, nats_record};

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "nats-file",
    title: "NATS-Bench in one file (TSS or SSS): NATS-tss-v1_0-3ffb9.pickle.pbz2, NATS-sss-v1_0-50262.pickle.pbz2",
    files: "the .pickle.pbz2 file, or the .pickle in it",
    what: "the same as nats-simple. The file is read twice, which bounds memory",
    paper: "Dong et al., NATS-Bench, TPAMI 2021, arXiv:2009.00437",
    unit: "MB",
    recognise: |probe| {
        (probe.ends_with(".pickle.pbz2") && probe.head.starts_with(b"BZh"))
            || (probe.ends_with(".pickle") && probe.contains(b"meta_archs"))
    },
    read: |config, sink| {
        let path = &config.source;
        read_twice(
            path,
            sink,
            &mut |position, use_input| {
                let file = File::open(path).map_err(ImportError::unreadable(path))?;
                let mut file = BufReader::with_capacity(1 << 18, Counted { inner: file, position });
                let magic = file.fill_buf().map_err(ImportError::unreadable(path))?.starts_with(b"BZh");
                if magic {
                    use_input(&mut Input::new(&mut BufReader::with_capacity(1 << 18, MultiBzDecoder::new(file))))
                } else {
                    use_input(&mut Input::new(&mut file))
                }
            },
            config.curves,
        )
    },
};

/// A file that tells how far it was read.
pub(super) struct Counted<'a, R> {
    pub inner: R,
    pub position: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.position.set(self.position.get() + n as u64);
        Ok(n)
    }
}

/// What is done with an open pickle.
pub(super) type UseInput<'a> = &'a mut dyn FnMut(&mut Input<&mut dyn BufRead>) -> Result<(), ImportError>;
/// Opens a pickle from its start and gives it to someone, counting the bytes of the file.
pub(super) type Open<'a> = &'a mut dyn FnMut(&Cell<u64>, UseInput) -> Result<(), ImportError>;

const MEGABYTE: u64 = 1_000_000;

/// Reads the items of one dictionary, first to see which objects are named later, then to hand them out.
pub(super) fn stream(
    path: &Path,
    sink: &mut Sink,
    open: Open,
    watch: Watch,
    on_item: &mut dyn FnMut(&mut Sink, Value, Value) -> Result<(), ImportError>,
) -> Result<Value, ImportError> {
    let size = path.metadata().map(|file| file.len()).unwrap_or(0);
    let total = 2 * size / MEGABYTE;
    let limits = Limits::default();
    let (position, mut uses, mut rest) = (Cell::new(0), None, Value::None);
    sink.progress(0, total)?;
    open(&position, &mut |input| {
        let tick = &mut || sink.progress(position.get() / MEGABYTE, total);
        uses = Some(Uses::scan::<_, ImportError>(input, limits, tick)?);
        Ok(())
    })?;
    position.set(size);
    // Both the items and the clock report to the sink.
    let sink = std::cell::RefCell::new(sink);
    open(&position, &mut |input| {
        let Some(uses) = uses.take() else { return Ok(()) };
        let on_item = &mut |key, value| on_item(&mut sink.borrow_mut(), key, value);
        let tick = &mut || sink.borrow_mut().progress(position.get() / MEGABYTE, total);
        rest = Machine::with_uses(limits, uses).run(input, watch, on_item, tick)?;
        Ok(())
    })?;
    Ok(rest)
}

/// Reads `{meta_archs, arch2infos: {index: {length of training: results}}, evaluated_indexes}`.
pub(super) fn read_twice(path: &Path, sink: &mut Sink, open: Open, curves: bool) -> Result<(), ImportError> {
    let content = |place: String, reason: String| ImportError::content(path, place, reason);
    let on_item = &mut |sink: &mut Sink, key: Value, value: Value| {
        let unfit = || content("arch2infos".into(), format!("{} stands under {}", value.describe(), key.describe()));
        let (Some(index), Some(trainings)) = (key.as_int(), value.as_dict()) else { return Err(unfit()) };
        let (subject, rows) = nats_record::measurements(index, trainings, curves)
            .map_err(|reason| content(format!("arch2infos[{index}]"), reason))?;
        sink.add(&subject, rows)
    };
    let rest = stream(path, sink, open, Watch::Under("arch2infos"), on_item).map_err(|error| error.in_file(path))?;
    let infos = rest.as_dict().and_then(|rest| rest.get("arch2infos"));
    match infos.as_ref().and_then(Value::as_dict) {
        // A dictionary of one item is not filled as a series.
        Some(left) => {
            for pair in left.items().chunks_exact(2) {
                on_item(sink, pair[0].clone(), pair[1].clone())?;
            }
            Ok(())
        }
        None => Err(content(
            "the outermost value".into(),
            format!("{}, a dictionary with meta_archs, arch2infos, evaluated_indexes was expected", rest.describe()),
        )),
    }
}
