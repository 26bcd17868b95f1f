//! `slapos node register NAME`

use std::{
    fs::DirBuilder,
    io::{IsTerminal, stdin},
    os::unix::fs::DirBuilderExt,
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::Title;
use slapos_wire::{
    client::Client,
    v1::{RegisterAsk, Registered},
};

use crate::{
    error::{Exit, Failure, Outcome, Step},
    settings,
    ui::Ui,
};

/// Join a cloud: get a name and a certificate from the master, and write slapos.cfg.
///
/// Whoever runs the cloud hands out a token (`slapos computer token`), which is asked for on
/// standard input. Then `slapos node run` starts the node.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What people shall call this computer
    node_name: Title,
    /// The address of the master
    #[arg(long, value_name = "URL")]
    master_url: String,
    /// The secret. Everybody on this machine may read it: rather leave it out
    #[arg(long)]
    token: Option<String>,
    /// How many partitions this computer shall have
    #[arg(long, value_name = "N", default_value_t = 10)]
    partition_number: u32,
    /// The network of the partitions' addresses
    #[arg(long, value_name = "NETWORK", default_value = "127.1.0.0/16")]
    ipv4_local_network: String,
    /// The interface of the partitions' addresses, for the Python node
    #[arg(long, default_value = "lo")]
    interface_name: String,
    /// The directory of the releases
    #[arg(long, value_name = "DIR", default_value = "/opt/slapgrid")]
    software_root: Utf8PathBuf,
    /// The directory of the partitions
    #[arg(long, value_name = "DIR", default_value = "/srv/slapgrid")]
    instance_root: Utf8PathBuf,
    /// Where the Python master takes registrations; here it is the master itself
    #[arg(long, value_name = "URL", hide = true)]
    master_url_web: Option<String>,
}

pub(super) fn run(args: &Args, cfg: Option<&Utf8Path>, ui: Ui) -> Outcome {
    let cfg = settings::node_path(cfg);
    // before the token is used up
    if cfg.exists() {
        return Err(Failure::new(Exit::Failed, format!("{cfg} exists: this computer has joined"))
            .hint("move it away to register again, or name another file with --cfg"));
    }
    let ssl = cfg.parent().unwrap_or(Utf8Path::new(".")).join("ssl");
    let partitions = ssl.join("partition_pki");
    let make = |mode, path: &Utf8Path| {
        let made = DirBuilder::new().recursive(true).mode(mode).create(path);
        made.step(|| format!("make the directory {path}"))
    };
    make(0o755, cfg.parent().unwrap_or(Utf8Path::new(".")))?;
    make(0o711, &ssl)?;
    make(0o711, &partitions)?;

    let token = match &args.token {
        Some(token) => token.clone(),
        None => ask_for_token(ui)?,
    };
    let title = args.node_name.clone();
    let client = Client::new(args.master_url_web.as_ref().unwrap_or(&args.master_url));
    let registered = client.register(&RegisterAsk { token, title })?;
    write(args, &registered, &cfg, &ssl).map_err(|failure| {
        let computer = &registered.computer;
        failure.hint(format!(
            "{computer} is registered already: slapos computer revoke {computer}, then register again"
        ))
    })?;
    if ui.json {
        ui.json(&serde_json::json!({"computer": registered.computer, "configuration": cfg}));
    } else {
        ui.say(format_args!("this computer is {}; start it: slapos node run", registered.computer));
    }
    Ok(Exit::Done)
}

fn ask_for_token(ui: Ui) -> Result<String, Failure> {
    if stdin().is_terminal() {
        ui.say("Token (from slapos computer token):");
    }
    let mut line = String::new();
    stdin().read_line(&mut line).step(|| "read the token".into())?;
    match line.trim() {
        "" => Err(Failure::new(Exit::Usage, "no token on standard input")),
        token => Ok(token.to_owned()),
    }
}

/// Writes the key first and the configuration last: where that is, all is there.
fn write(
    args: &Args,
    registered: &Registered,
    cfg: &Utf8Path,
    ssl: &Utf8Path,
) -> Result<(), Failure> {
    let (key, certificate) = (ssl.join("key"), ssl.join("certificate"));
    let text = format!(
        "[slapos]\n\
         computer_id = {computer}\n\
         master_url = {master}\n\
         key_file = {key}\n\
         cert_file = {certificate}\n\
         certificate_repository_path = {ssl}/partition_pki\n\
         software_root = {software}\n\
         instance_root = {instance}\n\
         \n\
         [slapformat]\n\
         partition_amount = {amount}\n\
         ipv4_local_network = {network}\n\
         interface_name = {interface}\n",
        computer = registered.computer,
        master = args.master_url,
        software = args.software_root,
        instance = args.instance_root,
        amount = args.partition_number,
        network = args.ipv4_local_network,
        interface = args.interface_name,
    );
    let files = [
        (&*key, &registered.key, 0o600),
        (&*certificate, &registered.certificate, 0o600),
        (cfg, &text, 0o644),
    ];
    for (path, content, mode) in files {
        slapos_atomic::write(path, content.as_bytes(), mode).step(|| format!("write {path}"))?;
    }
    Ok(())
}
