//! How the columns of a table become the fields of the schema.

use std::str::FromStr;

use crate::benchmark::schema::COLUMNS;

/// `FIELD[LABEL=VALUE,...]=COLUMN*FACTOR`: the field is read from a column. Labels are fields that are the same for all values
/// of the column, and the factor multiplies numbers; both may be left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Field of the schema.
    pub field: &'static str,
    /// What is so for all values of the column.
    pub labels: Vec<Setting>,
    /// Column of the table.
    pub column: String,
    /// What numbers are multiplied by.
    pub factor: f64,
}

/// `FIELD=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Field of the schema.
    pub field: &'static str,
    /// Its value, as text.
    pub value: String,
}

/// The field of the schema called `name`.
fn field(name: &str) -> Result<&'static str, String> {
    let names = COLUMNS.map(|(name, ..)| name);
    names.into_iter().find(|known| *known == name.trim()).ok_or_else(|| {
        let hint = crate::text::did_you_mean(name, names);
        format!("`{name}` is not a field{hint}; fields: {}", names.join(", "))
    })
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write FIELD=VALUE, such as dataset=cifar10")?;
        Ok(Setting { field: field(name)?, value: value.trim().into() })
    }
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unfit =
            "write FIELD=COLUMN, such as accuracy_pct=top1, loss=nll*0.01 or accuracy_pct[split=test,epochs=200]=top1";
        let (name, labels, column) = match text.split_once('=') {
            Some((name, column)) if !name.contains('[') => (name, "", column),
            _ => {
                let (head, column) = text.split_once("]=").ok_or(unfit)?;
                let (name, labels) = head.split_once('[').ok_or(unfit)?;
                (name, labels, column)
            }
        };
        let labels = labels.split(',').filter(|label| !label.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
        let scaled = column.rsplit_once('*').and_then(|(column, factor)| Some((column, factor.trim().parse().ok()?)));
        let (column, factor) = scaled.filter(|(_, factor): &(_, f64)| factor.is_finite()).unwrap_or((column, 1.0));
        if column.trim().is_empty() {
            return Err(unfit.into());
        }
        Ok(Mapping { field: field(name)?, labels, column: column.trim().into(), factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let mapping = |text: &str| text.parse::<Mapping>();
        let plain = mapping("loss=nll").unwrap();
        assert_eq!((plain.field, &*plain.column, plain.factor), ("loss", "nll", 1.0));
        let full = mapping("accuracy_pct[dataset=cifar10,split=test]=acc (a=b)*100").unwrap();
        assert_eq!((&*full.column, full.factor, full.labels.len()), ("acc (a=b)", 100.0, 2));
        assert_eq!(full.labels[1], Setting { field: "split", value: "test".into() });
        assert_eq!(mapping("loss=a*b").unwrap().column, "a*b");
        for wrong in ["", "loss", "loss=", "los=x", "loss[a=b]=x", "loss[split]=x", "loss[=x"] {
            assert!(mapping(wrong).is_err(), "{wrong}");
        }
        assert!(mapping("acuracy_pct=x").unwrap_err().contains("did you mean `accuracy_pct`"));
    }
}
