//! Which way a column of a table is better, as far as its name says.

/// Parts of names, as between underscores, that stand for what should be small.
const SMALL: [&str; 26] = [
    "bytes",
    "cer",
    "cost",
    "costs",
    "energy",
    "err",
    "error",
    "errors",
    "fid",
    "hours",
    "joules",
    "latency",
    "loss",
    "losses",
    "mae",
    "memory",
    "mj",
    "ms",
    "mse",
    "nll",
    "perplexity",
    "ppl",
    "rmse",
    "sec",
    "seconds",
    "wer",
];
/// Units that stand for it as the last part of a name.
const UNITS: [&str; 4] = ["h", "j", "s", "us"];
/// Ends of such parts.
const ENDS: [&str; 4] = ["error", "latency", "loss", "time"];

/// A note that a column whose name says that lower is better is read as higher is better; `None` for other names.
pub fn lower_is_better(column: &str) -> Option<String> {
    let lower = column.to_lowercase();
    let mut parts = lower.split(|c: char| !c.is_alphanumeric());
    let unit = parts.clone().next_back().is_some_and(|last| UNITS.contains(&last));
    let small = |part: &str| SMALL.contains(&part) || ENDS.iter().any(|end| part.ends_with(end));
    (unit || parts.any(small)).then(|| {
        format!(
            "the name of `{column}` says that lower is better, but every target is read as higher is better: a good score has a \
             negative correlation here, and what is called best is worst; put the negated values into the table"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_way() {
        for name in
            ["val_loss", "edgetpu_latency_ms", "top1_err", "WikiText-Perplexity", "train_time_s", "runtime", "Error"]
        {
            assert!(lower_is_better(name).is_some_and(|note| note.contains(name)), "{name}");
        }
        for name in ["test_acc_pct", "accuracy", "acc_200_pct", "ap50", "macs", "sst2_glue", "lossless_pct", "s_score"]
        {
            assert_eq!(lower_is_better(name), None);
        }
    }
}
