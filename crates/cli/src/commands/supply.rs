//! `slapos supply URL COMPUTER`

use std::time::Duration;

use camino::Utf8Path;
use slapos_core::names::{ComputerId, SoftwareUrl, SupplyState, SupplyWish};
use slapos_wire::{
    client::Client,
    v1::{Supply, SupplyAsk},
};

use crate::{
    error::{Exit, Failure, Outcome},
    events::within,
    settings, shipped,
    ui::{Progress, Ui},
};

/// Make a software release available on a computer.
///
/// The node of that computer installs it; `--wait` stays until then, and
/// `slapos computer info COMPUTER` shows how far it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The release: a URL, an absolute path, or software/NAME for one that comes with slapos
    #[arg(value_name = "URL")]
    software_release: SoftwareUrl,
    /// The computer, e.g. COMP-1
    computer: ComputerId,
    /// Install it again, even where it is available: its files have changed
    #[arg(long)]
    again: bool,
    /// Stay until it is installed, telling how far it is; ends with 1 when that fails, with 2 when it
    /// is not in time
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, requires = "wait")]
    timeout: u64,
}

pub(crate) fn run(args: &Args, cfg: Option<&Utf8Path>, client: &Client, ui: Ui) -> Outcome {
    shipped::check_name(&args.software_release)?;
    check_file(args, cfg)?;
    let state = SupplyWish::Available;
    let ask =
        SupplyAsk { software_release: args.software_release.clone(), state, again: args.again };
    if !args.wait {
        return wish(&ask, &args.computer, client, ui);
    }
    client.supply(&args.computer, &ask)?;
    let Some(supply) = installed(args, client)? else {
        let (release, computer, limit) = (&ask.software_release, &args.computer, args.timeout);
        ui.say(format_args!("{release} on {computer}: gave up after {limit} s; its node goes on"));
        return Ok(Exit::NotReady);
    };
    match ui.json {
        true => ui.json(&supply),
        false => ui.say(format_args!("{} is available on {}", ask.software_release, args.computer)),
    }
    Ok(Exit::Done)
}

/// Stays until the release is available, with a bar on a terminal; `None` when it is not in time.
///
/// # Errors
/// Its installation failed (its node tries again all the same), or somebody removes the release.
fn installed(args: &Args, client: &Client) -> Result<Option<Supply>, Failure> {
    let (release, computer) = (&args.software_release, &args.computer);
    let label = format!("{release} on {computer}");
    let mut bars = Progress::new();
    let limit = Duration::from_secs(args.timeout);
    let found = within(limit, client, "the release is installed", |client| {
        let supplies = client.computer(computer)?.supplies;
        let supply = supplies.into_iter().find(|supply| supply.software_release == *release);
        let wished = supply.filter(|supply| supply.wished == SupplyWish::Available);
        let Some(supply) = wished else {
            return Err(Failure::new(Exit::Failed, format!("{label} is being removed")));
        };
        Ok(show(&supply, &label, &mut bars)?.then_some(supply))
    })?;
    bars.end(&label);
    Ok(found)
}

/// Shows in a bar how far an installation is; true when the release is available.
///
/// # Errors
/// It failed.
pub(crate) fn show(supply: &Supply, label: &str, bars: &mut Progress) -> Result<bool, Failure> {
    let text = supply.text.as_deref().unwrap_or_default();
    match supply.state {
        SupplyState::Available => {
            bars.end(label);
            Ok(true)
        }
        SupplyState::Error => {
            bars.end(label);
            Err(Failure::new(Exit::Failed, format!("cannot install {label}:\n{text}")))
        }
        SupplyState::Requested | SupplyState::Building | SupplyState::Destroyed => {
            bars.show(label, supply.percent, text);
            Ok(false)
        }
    }
}

/// Refuses a file that is missing where the node would look for it, as far as that is this machine.
fn check_file(args: &Args, cfg: Option<&Utf8Path>) -> Result<(), Failure> {
    let (release, computer) = (&args.software_release, &args.computer);
    let path = Utf8Path::new(release.as_str().strip_prefix("file://").unwrap_or(release.as_str()));
    // Of what may not be looked at, only the node can tell.
    let missing = path.is_absolute() && path.try_exists().is_ok_and(|exists| !exists);
    if !missing || !settings::is_here(cfg, computer) {
        return Ok(());
    }
    let message = format!(
        "there is no release `{release}`: {computer} is on this machine, which has no such file"
    );
    Err(Failure::new(Exit::Usage, message).hint("check the path of its software.cfg"))
}

/// Wishes a release on a computer, or away from it.
pub(super) fn wish(ask: &SupplyAsk, computer: &ComputerId, client: &Client, ui: Ui) -> Outcome {
    let supply = client.supply(computer, ask)?;
    if ui.json {
        ui.json(&supply);
    } else {
        let wished = match ask.state {
            SupplyWish::Available if ask.again => "shall be installed again",
            SupplyWish::Available => "shall be available",
            SupplyWish::Destroyed => "shall be removed",
        };
        let now = supply.state.as_str();
        let release = &ask.software_release;
        ui.say(format_args!("{release} {wished} on {computer}; now: {now}"));
        if now == "available" && !ask.again && ask.state == SupplyWish::Available {
            ui.say(
                "it stays as it is; --again installs it again, e.g. after a change of its files",
            );
        }
    }
    Ok(Exit::Done)
}
