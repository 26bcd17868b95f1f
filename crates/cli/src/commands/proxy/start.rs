//! `slapos proxy start`

use camino::Utf8Path;
use slapos_core::{names::PersonId, policy::Policy};
use slapos_master::{
    BadOtherMaster, FaceSettings, Open, OtherMaster, ServeSettings,
    import::{import, is_state},
};

use crate::{
    commands::{
        master::{serve, summary},
        warn_unknown,
    },
    error::{Exit, Failure, Outcome},
    settings,
    ui::Ui,
};

/// Serve a single node until told to end (SIGTERM or Ctrl-C): takes the place of the Python
/// slapproxy, with its slapos.cfg.
///
/// Anybody who reaches the address may do everything. Instances go to the computer of the
/// configuration, to any free partition, whether or not their release is supplied. The state is kept
/// beside the database of the Python slapproxy, in DATABASE_URI.slapos; what the slapproxy knew is
/// taken over the first time (`slapos master import`), and its database stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    given: settings::Given,
    /// End when standard input does: for whoever starts the proxy as a part of something
    #[arg(long, hide = true)]
    with_parent: bool,
}

pub(super) fn run(args: &Args, cfg: Option<&Utf8Path>, ui: Ui) -> Outcome {
    let (proxy, unknown) = settings::proxy(cfg, &args.given)?;
    warn_unknown(ui, &unknown);
    for sentence in &proxy.unused {
        ui.say(format_args!("warning: {sentence}"));
    }
    let data = proxy.data();
    if proxy.database.is_file() && !is_state(data.as_std_path()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let person = PersonId::admin();
        let from = proxy.database.as_std_path();
        let done = runtime.block_on(import(from, data.as_std_path(), person))?;
        for line in done.notes.iter().cloned().chain([summary(&done)]) {
            ui.say(line);
        }
    }
    let masters = proxy.masters.iter().cloned().map(OtherMaster::new);
    let masters = masters
        .collect::<Result<_, _>>()
        .map_err(|error: BadOtherMaster| Failure::hinted(Exit::Usage, &error, None))?;
    let settings = ServeSettings {
        listen: proxy.listen,
        data: data.into(),
        open: Open::Anybody,
        policy: Policy::proxy(proxy.computer),
        faces: FaceSettings { products: proxy.products, masters, ..FaceSettings::default() },
        release_root: proxy.release_root.map(Into::into),
    };
    serve(settings, args.with_parent)
}
