//! Any table as CSV or Parquet, its columns mapped to the fields of the schema.

use super::mapping::Setting;
use super::table_source::{self, Cell, Place};
use super::{FormatEntry, ImportConfig, ImportError, Sink, nats_record};
use crate::benchmark::schema::{COLUMNS, Measurement, Subject};
use crate::space::{self, SearchSpace};
use crate::text::{did_you_mean, list, quoted};

use arrow::datatypes::DataType;

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "table",
    title: "any CSV, TSV or Parquet table, also one that naslens import wrote",
    files: "a .csv, .tsv or .parquet file with a row per architecture or per measurement",
    what: "columns that are called like fields of the schema, and those that --map FIELD=COLUMN names; --set FIELD=VALUE is the \
           same in all rows. --map accuracy_pct[dataset=cifar10,split=test,epochs=200]=COLUMN, given several times, makes a \
           measurement of each column. Fields of text files are between commas, semicolons or tabs, whichever the header \
           has most of; in the latter two 93,41 is read as 93.41",
    paper: "",
    unit: "rows or MB",
    recognise: |probe| {
        [".csv", ".tsv", ".parquet"].iter().any(|ending| probe.ends_with(ending)) || probe.head.starts_with(b"PAR1")
    },
    read,
};

/// A field and where in a row it stands, with the factor.
type Source = (&'static str, usize, f64);

/// How a row becomes measurements.
struct Plan {
    /// The columns that are read.
    places: Vec<usize>,
    /// Fields of all measurements of a row.
    common: Vec<Source>,
    /// Measurements with labels; if there are none, a row is one measurement.
    labelled: Vec<(Vec<Setting>, Vec<Source>)>,
}

/// Other names that tables have for the architecture.
const ARCH: [&str; 2] = ["arch", "arch_str"];

fn plan(config: &ImportConfig, columns: &[String]) -> Result<Plan, ImportError> {
    let mut plan = Plan { places: Vec::new(), common: Vec::new(), labelled: Vec::new() };
    let read = |plan: &mut Plan, column: &str| -> Result<usize, ImportError> {
        let path = config.source.display();
        let place = columns.iter().position(|name| name == column).ok_or_else(|| {
            let hint = did_you_mean(column, columns.iter().map(String::as_str));
            ImportError::Options(format!("`{path}` has no column `{column}`{hint}; columns: {}", list(columns)))
        })?;
        if columns[place + 1..].iter().any(|name| name == column) {
            let column = quoted(column);
            return Err(ImportError::Options(format!("`{path}` has the column {column} twice; rename one of them")));
        }
        Ok(plan.places.iter().position(|known| *known == place).unwrap_or_else(|| {
            plan.places.push(place);
            plan.places.len() - 1
        }))
    };
    for map in &config.maps {
        let source = (map.field, read(&mut plan, &map.column)?, map.factor);
        if map.labels.is_empty() {
            plan.common.push(source);
            continue;
        }
        match plan.labelled.iter_mut().find(|(labels, _)| *labels == map.labels) {
            Some((_, sources)) => sources.push(source),
            None => plan.labelled.push((map.labels.clone(), vec![source])),
        }
    }
    for (field, ..) in COLUMNS {
        let given = config.maps.iter().any(|map| map.field == field && map.labels.is_empty())
            || config.setting(field).is_some();
        let names = if field == "arch" { &ARCH[..] } else { &[field][..] };
        if let Some(name) = names.iter().find(|name| !given && columns.iter().any(|column| column == **name)) {
            let place = read(&mut plan, name)?;
            plan.common.push((field, place, 1.0));
        }
    }
    let has = |field: &str| plan.common.iter().any(|(known, ..)| *known == field) || config.setting(field).is_some();
    if !has("arch") && !has("arch_index") {
        let (path, all) = (config.source.display(), list(columns));
        let message = format!(
            "no column of `{path}` names the architectures; add --map arch=COLUMN or --map arch_index=COLUMN. Columns: {all}"
        );
        return Err(ImportError::Options(message));
    }
    if !has("space") {
        let known = space::SPACES.names().join(", ");
        let path = config.source.display();
        let message = format!(
            "`{path}` does not say which space it is of; add --set space=NAME ({known}, or a name of your own)"
        );
        return Err(ImportError::Options(message));
    }
    Ok(plan)
}

/// The field of a row as it comes.
#[derive(Default)]
struct Row {
    subject: Subject,
    measurement: Measurement,
}

fn read(config: &ImportConfig, sink: &mut Sink) -> Result<(), ImportError> {
    let path = &config.source;
    let columns = table_source::columns(path)?;
    let plan = plan(config, &columns)?;
    let mut spaces = Spaces::default();
    table_source::rows(path, &plan.places, sink, &mut |sink, place, cells| {
        let content = |reason: String| {
            ImportError::own(path, place.to_string(), reason, "correct the row, or leave it out of the table")
        };
        let add = |sink: &mut Sink, subject: &Subject, measurement: Measurement, sources: &[&[Source]]| {
            let column = |field: &str| {
                let source =
                    sources.iter().rev().flat_map(|sources| sources.iter()).find(|(known, ..)| *known == field);
                source.map(|&(_, cell, factor)| (columns[plan.places[cell]].as_str(), factor))
            };
            sink.add(subject, vec![measurement]).map_err(|error| in_row(error, place, column))
        };
        let mut row = Row::default();
        for set in &config.sets {
            put(&mut row, set.field, &Cell::Text(set.value.clone()), 1.0).map_err(content)?;
        }
        for &(field, place, factor) in &plan.common {
            put(&mut row, field, &cells[place], factor).map_err(content)?;
        }
        let subject = spaces.subject(row.subject).map_err(content)?;
        if plan.labelled.is_empty() {
            return add(sink, &subject, row.measurement, &[&plan.common]);
        }
        for (labels, sources) in &plan.labelled {
            if sources.iter().all(|&(_, place, _)| cells[place] == Cell::Empty) {
                continue;
            }
            let mut one = Row { measurement: row.measurement.clone(), ..Row::default() };
            for label in labels {
                put(&mut one, label.field, &Cell::Text(label.value.clone()), 1.0).map_err(content)?;
            }
            for &(field, place, factor) in sources {
                put(&mut one, field, &cells[place], factor).map_err(content)?;
            }
            add(sink, &subject, one.measurement, &[&plan.common, sources])?;
        }
        Ok(())
    })
}

/// The error of a row with its place, and with what its author can do. `column` gives the column and the factor of a field.
fn in_row<'c>(error: ImportError, row: Place, column: impl Fn(&str) -> Option<(&'c str, f64)>) -> ImportError {
    match error {
        ImportError::Impossible { path, field, value, allowed, .. } => {
            let (place, remedy) = match column(field) {
                Some((column, factor)) => {
                    let remedy = match factor {
                        100.0 if value > 100.0 => format!("leave *100 out of --map {field}={column}*100"),
                        1.0 if (100.0..=10_000.0).contains(&value) => {
                            format!("if it is percent times 100, add --map '{field}={column}*0.01'")
                        }
                        _ => "correct the cell, or leave it empty if nothing was measured".into(),
                    };
                    (format!("{row}, column {}", quoted(column)), remedy)
                }
                None => (row.to_string(), format!("correct --set {field}")),
            };
            ImportError::Impossible { path, place, field, value, allowed, remedy }
        }
        ImportError::Repeated { path, .. } => {
            let remedy = "remove the row, or say what tells it from the first, such as --map seed=COLUMN".into();
            ImportError::Repeated { path, place: row.to_string(), remedy }
        }
        other => other,
    }
}

/// Spaces that rows name.
#[derive(Default)]
struct Spaces {
    /// By name; None for those that naslens does not have.
    known: Vec<(String, Option<Box<dyn SearchSpace>>)>,
}

impl Spaces {
    /// The architecture as naslens writes it, with its id and index, where it has the space.
    fn subject(&mut self, given: Subject) -> Result<Subject, String> {
        if given.space.is_empty() {
            return Err("it names no space".into());
        }
        let place = self.known.iter().position(|(name, _)| *name == given.space).unwrap_or_else(|| {
            // Names that are not registered are allowed: naslens then passes the architecture on as it is.
            self.known.push((given.space.clone(), space::open(&given.space).ok()));
            self.known.len() - 1
        });
        let Some(space) = &self.known[place].1 else {
            let indexed = given.arch.is_empty().then_some(given.arch_index).flatten();
            let arch = indexed.map_or(given.arch.clone(), |index| index.to_string());
            return if arch.is_empty() {
                Err("it names no architecture".into())
            } else {
                Ok(Subject { arch, ..given })
            };
        };
        if !given.arch.is_empty() {
            return nats_record::subject(&**space, &given.arch);
        }
        let index = given.arch_index.ok_or("it names no architecture")?;
        let arch = u64::try_from(index).ok().and_then(|index| space.at(index));
        let arch = arch.ok_or_else(|| format!("{} has no architecture of index {index}", given.space))?;
        nats_record::subject(&**space, &space.format(&arch))
    }
}

/// Puts a cell into its field.
fn put(row: &mut Row, field: &str, cell: &Cell, factor: f64) -> Result<(), String> {
    let kind = COLUMNS.iter().find(|(name, ..)| *name == field).map(|(_, kind, _)| kind);
    let no_number = matches!(cell, Cell::Number(x) if x.is_nan() && kind != Some(&DataType::Float64));
    if *cell == Cell::Empty || no_number {
        return Ok(());
    }
    let unfit = |kind: &str| match cell {
        Cell::Text(text) if table_source::decimal_comma(text).is_some() => {
            format!("{field} is {}, with a decimal comma; {kind} with a point was expected", shown(cell))
        }
        _ => format!("{field} is {}, {kind} was expected", shown(cell)),
    };
    let (subject, to) = (&mut row.subject, &mut row.measurement);
    match kind {
        Some(DataType::Utf8) => {
            let text = match cell {
                Cell::Text(text) => text.clone(),
                Cell::Whole(n) => n.to_string(),
                _ => return Err(unfit("text")),
            };
            match field {
                "space" => subject.space = text,
                "arch" => subject.arch = text,
                "arch_id" => subject.arch_id = Some(text),
                "dataset" => to.dataset = Some(text.into()),
                "split" => to.split = Some(text.into()),
                "device" => to.device = Some(text.into()),
                _ => to.proxy = Some(text.into()),
            }
        }
        Some(DataType::Float64) => {
            let number = match cell {
                Cell::Text(text) => text.parse().ok(),
                Cell::Number(x) => Some(*x),
                Cell::Whole(n) => Some(*n as f64),
                Cell::Empty => None,
            };
            let number = Some(number.ok_or_else(|| unfit("a number"))? * factor);
            match field {
                "epoch" => to.epoch = number,
                "accuracy_pct" => to.accuracy_pct = number,
                "loss" => to.loss = number,
                "seconds" => to.seconds = number,
                "latency_ms" => to.latency_ms = number,
                "energy_mj" => to.energy_mj = number,
                _ => to.score = number,
            }
        }
        _ => {
            let whole = |x: f64| (x.fract() == 0.0 && x.abs() <= (1u64 << 53) as f64).then_some(x as i64);
            let number = match cell {
                Cell::Text(text) if factor == 1.0 => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
                Cell::Text(text) => text.parse::<f64>().ok().and_then(|x| whole((x * factor).round())),
                Cell::Whole(n) if factor == 1.0 => Some(*n),
                Cell::Whole(n) => whole((*n as f64 * factor).round()),
                Cell::Number(x) if factor == 1.0 => whole(*x),
                Cell::Number(x) => whole((x * factor).round()),
                Cell::Empty => None,
            };
            let number = Some(number.ok_or_else(|| unfit("a whole number"))?);
            match field {
                "arch_index" => subject.arch_index = number,
                "epochs" => {
                    to.epochs = Some(number.and_then(|n| n.try_into().ok()).ok_or_else(|| unfit("a number of epochs"))?)
                }
                "seed" => to.seed = number,
                "params" => to.params = number,
                _ => to.macs = number,
            }
        }
    }
    Ok(())
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "empty".into(),
        Cell::Text(text) => quoted(text),
        Cell::Number(x) => x.to_string(),
        Cell::Whole(n) => n.to_string(),
    }
}
