//! `naslens completions`.

use clap::CommandFactory;

/// Print a completion script for a shell.
///
/// The script knows all subcommands and options. It goes where the shell looks for completions.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  source <(naslens completions bash)    # this session of bash
  naslens completions bash > ~/.local/share/bash-completion/completions/naslens
  naslens completions zsh > ~/.zfunc/_naslens    # ~/.zfunc in fpath, before compinit
  naslens completions fish > ~/.config/fish/completions/naslens.fish")]
pub struct Args {
    /// Shell that will read the script
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "naslens", &mut script);
    super::print(String::from_utf8(script)?.trim_end())
}
