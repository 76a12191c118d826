//! HW-NAS-Bench: latency and energy of all NAS-Bench-201 networks, one pickle of lists by official index.

use std::fs::File;
use std::io::BufReader;
use std::rc::Rc;

use super::pickle::{self, Limits, Node, Value};
use super::{FormatEntry, ImportConfig, ImportError, Sink, nats_record};
use crate::benchmark::schema::Measurement;
use crate::space;

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "hw-nas-bench",
    title: "HW-NAS-Bench: HW-NAS-Bench-v1_0.pickle",
    files: "the .pickle file",
    what: "latency (ms) and energy (mJ) of the 15,625 networks of NAS-Bench-201 for three datasets on edgegpu, raspi4, edgetpu, \
           pixel3, eyeriss and fpga. Its FBNet part is a table of operations, not of architectures, and is left out",
    paper: "Li et al., HW-NAS-Bench, ICLR 2021, arXiv:2103.10584",
    unit: "networks",
    recognise: |probe| {
        (probe.ends_with(".pickle") || probe.ends_with(".pkl"))
            && (probe.name.to_lowercase().contains("hw-nas-bench") || probe.contains(b"nasbench201"))
    },
    read,
};

/// Networks of one dataset by official index.
struct Dataset {
    name: Rc<str>,
    configs: Option<Rc<Node>>,
    devices: Vec<Device>,
}

struct Device {
    name: String,
    latency: Option<Rc<Node>>,
    energy: Option<Rc<Node>>,
}

fn read(config: &ImportConfig, sink: &mut Sink) -> Result<(), ImportError> {
    let path = &config.source;
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(ImportError::unreadable(path))?);
    sink.progress(0, 1)?;
    let value = pickle::read(file, Limits::default()).map_err(|error| ImportError::from(error).in_file(path))?;
    let content = |place: &str, reason: String| ImportError::content(path, place, reason);
    let top = value
        .as_dict()
        .ok_or_else(|| content("the outermost value", format!("{}, a dictionary was expected", value.describe())))?;
    let networks = top.get("nasbench201");
    let networks = networks.as_ref().and_then(Value::as_dict);
    let networks =
        networks.ok_or_else(|| content("the outermost value", "there is no dictionary `nasbench201`".into()))?;
    if top.get("fbnet").is_some() {
        sink.note("fbnet is a table of operations, not of architectures; it is left out");
    }
    let mut datasets = Vec::new();
    for pair in networks.items().chunks_exact(2) {
        let (Value::Str(name), Some(metrics)) = (&pair[0], pair[1].as_dict()) else {
            return Err(content("nasbench201", format!("{} stands under {}", pair[1].describe(), pair[0].describe())));
        };
        let dataset = dataset(name, metrics, sink);
        datasets.push(dataset.map_err(|reason| content(&format!("nasbench201, {name}"), reason))?);
    }
    let space = space::open("nas-bench-201")?;
    let size = space.size() as u64;
    for index in 0..size {
        if index.is_multiple_of(256) {
            sink.progress(index, size)?;
        }
        let Some(arch) = space.at(index) else { break };
        let subject = nats_record::subject(&*space, &space.format(&arch)).map_err(|e| content("nasbench201", e))?;
        let mut rows = Vec::new();
        for dataset in &datasets {
            dataset
                .rows(index as usize, &subject.arch, &mut rows)
                .map_err(|reason| content(&format!("nasbench201, {}, network {index}", dataset.name), reason))?;
        }
        if !rows.is_empty() {
            sink.add(&subject, rows)?;
        }
    }
    Ok(())
}

fn dataset(name: &Rc<str>, metrics: &Node, sink: &mut Sink) -> Result<Dataset, String> {
    let mut dataset = Dataset { name: name.clone(), configs: None, devices: Vec::new() };
    for pair in metrics.items().chunks_exact(2) {
        let metric = pair[0].as_str().ok_or_else(|| format!("{} is not a name of a metric", pair[0].describe()))?;
        let list =
            || pair[1].as_sequence().cloned().ok_or_else(|| format!("{metric} is {}, not a list", pair[1].describe()));
        if metric == "config" {
            dataset.configs = Some(list()?);
            continue;
        }
        let (device, latency) = match (metric.strip_suffix("_latency"), metric.strip_suffix("_energy")) {
            (Some(device), _) => (device, true),
            (_, Some(device)) => (device, false),
            _ => {
                sink.note(format!("{metric} is neither latency nor energy; it is left out"));
                continue;
            }
        };
        let place = dataset.devices.iter().position(|known| known.name == device).unwrap_or_else(|| {
            dataset.devices.push(Device { name: device.into(), latency: None, energy: None });
            dataset.devices.len() - 1
        });
        let known = &mut dataset.devices[place];
        *(if latency { &mut known.latency } else { &mut known.energy }) = Some(list()?);
    }
    Ok(dataset)
}

impl Dataset {
    fn rows(&self, index: usize, arch: &str, rows: &mut Vec<Measurement>) -> Result<(), String> {
        let config = self.configs.as_ref().and_then(|configs| configs.items().get(index).cloned());
        let named = config.as_ref().and_then(Value::as_dict).and_then(|config| config.get("arch_str"));
        if let Some(named) = named.as_ref().and_then(Value::as_str)
            && named != arch
        {
            return Err(format!("it is `{named}`, the official index has `{arch}`"));
        }
        for device in &self.devices {
            let cell = |list: &Option<Rc<Node>>| match list.as_ref().and_then(|list| list.items().get(index).cloned()) {
                None | Some(Value::None) => Ok(None),
                Some(value) => {
                    value.as_f64().map(Some).ok_or_else(|| format!("{} has {}", device.name, value.describe()))
                }
            };
            let (latency_ms, energy_mj) = (cell(&device.latency)?, cell(&device.energy)?);
            if latency_ms.is_some() || energy_mj.is_some() {
                rows.push(Measurement {
                    dataset: Some((&*self.name).into()),
                    device: Some(device.name.as_str().into()),
                    latency_ms,
                    energy_mj,
                    ..Measurement::default()
                });
            }
        }
        Ok(())
    }
}
