//! `naslens man`.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_mangen::Man;
use naslens::files::{check_output_folder, write_atomically};

/// Print the manual page, or write one for every subcommand.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens man | man -l -                       # the page of naslens itself
  naslens man --dir ~/.local/share/man/man1    # then `man naslens-screen`")]
pub struct Args {
    /// Folder for naslens.1 and a page per subcommand, such as naslens-screen.1 [default: print naslens.1]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let mut command = super::Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(dir) = args.dir else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return super::print(String::from_utf8(page)?.trim_end());
    };
    check_output_folder(&dir, 1_000_000)?;
    let commands: Vec<clap::Command> = command.get_subcommands().cloned().chain([command.clone()]).collect();
    for command in &commands {
        let man = Man::new(command.clone());
        write_atomically(&dir.join(man.get_filename()), |out| man.render(out))?;
    }
    super::tell(&format!("{} pages in {}", commands.len(), dir.display()));
    Ok(())
}
