//! A search space of one's own, registered and screened like a built-in one: `cargo run --example own_space`.
//!
//! Its networks are chains of 3x3 convolutions. A gene is the number of channels of a layer less one; there are 300
//! alternatives. How many layers there are is an option of the space, as in `--space chain:layers=4`.

use std::sync::atomic::AtomicBool;

use naslens::network::{Conv2d, Network, NetworkBuilder, Op};
use naslens::pipeline::{RunOptions, ScreenConfig, Selection, screen};
use naslens::space::{Architecture, SPACES, SearchSpace, SpaceEntry, SpaceError, SpaceOption, Task};

const ENTRY: SpaceEntry = SpaceEntry {
    name: "chain",
    aliases: &[],
    title: "Chains of convolutions with 1 to 300 channels each",
    paper: "an example",
    example: "8-16-32",
    listed: "strings",
    identity: "every architecture is a network of its own",
    options: &[SpaceOption { name: "layers", what: "number of convolutions" }],
    definition: None,
    open: &|spec| Ok(Box::new(Chain { choices: vec![300; spec.option("layers")?.unwrap_or(3)] })),
};

struct Chain {
    choices: Vec<u16>,
}

impl SearchSpace for Chain {
    fn entry(&self) -> &'static SpaceEntry {
        &ENTRY
    }

    fn choices(&self) -> &[u16] {
        &self.choices
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let refuse = |reason: &str| ENTRY.not_read(text, reason);
        let gene = |part: &str| part.parse::<u16>().ok()?.checked_sub(1);
        let genes: Option<Vec<u16>> = text.split('-').map(gene).collect();
        let arch = Architecture::new(genes.ok_or_else(|| refuse("channels are numbers from 1, joined by `-`"))?);
        self.check(&arch).map_err(|error| refuse(&error.to_string()))?;
        Ok(arch)
    }

    fn format(&self, arch: &Architecture) -> String {
        arch.genes().iter().map(|gene| (gene + 1).to_string()).collect::<Vec<_>>().join("-")
    }

    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError> {
        self.check(arch)?;
        ENTRY.built(task, |task| {
            let (mut b, mut x) = (NetworkBuilder::new(task.input), 0);
            for (i, gene) in arch.genes().iter().enumerate() {
                let layer = Conv2d::same(b.shape(x).channels, usize::from(*gene) + 1, 3, 1);
                x = b.conv(format!("layer.{i}"), x, layer)?;
                x = b.batch_norm(x)?;
                x = b.relu(x)?;
                b.end_block(x);
            }
            x = b.apply(Op::GlobalAvgPool, x)?;
            let logits = b.linear("classifier", x, task.target.outputs())?;
            Ok(b.finish(logits))
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    SPACES.register(ENTRY)?;
    let config = ScreenConfig {
        space: "chain:layers=4".parse()?,
        proxies: vec!["params".into(), "naswot".into()],
        image: "3x8x8".parse()?,
        batch_size: 8,
        ..ScreenConfig::default()
    };
    let (out, stop) = (tempfile::tempdir()?, AtomicBool::new(false));
    let options = RunOptions::new("cpu", Some(1), false, &stop)?;
    let outcome = screen(&config, &Selection::Sample(10), out.path(), &options, &mut |_| {})?;
    println!("{} networks of `{}`, such as {}", outcome.distinct, config.space, outcome.table.arch[0]);
    Ok(())
}
