//! NAS-Bench-201 as published with the first paper: a file of `torch.save`.

use super::nats_file::read_twice;
use super::{FormatEntry, torch};

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "nas-bench-201",
    title: "NAS-Bench-201 v1.0 and v1.1: NAS-Bench-201-v1_0-e61699.pth, NAS-Bench-201-v1_1-096897.pth",
    files: "the .pth file, as torch.save wrote it in any version",
    what: "the same as nats-simple: trainings of 12 epochs (less) and of 200 (full); in v1.0 those of 12 epochs are of \
           cifar10-valid only. The file is read twice, which bounds memory",
    paper: "Dong & Yang, NAS-Bench-201, ICLR 2020, arXiv:2001.00326",
    unit: "MB",
    recognise: |probe| {
        probe.ends_with(".pth") && (probe.head.starts_with(torch::LEGACY) || probe.head.starts_with(torch::ZIP))
    },
    read: |config, sink| {
        let path = &config.source;
        read_twice(path, sink, &mut |position, use_input| torch::open(path, position, use_input), config.curves)
    },
};
