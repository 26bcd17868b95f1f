//! Installs packages into a directory: `closure [--without NAME]... [--lock FILE] [--mirror "URL SUITE"] [--keyring FILE] DIRECTORY PACKAGE...`

#![expect(clippy::print_stderr, reason = "an example speaks to a person")]

use std::process::ExitCode;
use std::time::Instant;

use camino::Utf8PathBuf;
use slapos_debian::{Lock, Progress, ProxyEnvironment, Request, Settings, Ways, install};

#[expect(
    clippy::disallowed_methods,
    reason = "an example is an edge: it reads clock and environment"
)]
fn settings(cache: Utf8PathBuf) -> Settings {
    let variable = |name| std::env::var(name).ok();
    Settings {
        proxies: ProxyEnvironment {
            http_proxy: variable("http_proxy"),
            https_proxy: variable("https_proxy"),
            no_proxy: variable("no_proxy"),
        },
        ..Settings::new(cache, std::time::SystemTime::now())
    }
}

const WAYS: Ways<'static> = Ways { mirror: "--mirror \"URL SUITE\"", keyring: "--keyring FILE" };

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (mut without, mut plain, mut lock) = (Vec::new(), Vec::new(), None);
    let (mut mirror, mut keyring) = (None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--without" => without.extend(words.next()),
            "--lock" => lock = words.next().map(Utf8PathBuf::from),
            "--mirror" => mirror = words.next().map(|text| text.parse()).transpose()?,
            "--keyring" => keyring = words.next().map(Utf8PathBuf::from),
            _ => plain.push(word),
        }
    }
    let directory = plain.first().cloned().ok_or("which directory?")?;
    let tree = camino::absolute_utf8(directory)?;
    let mut request = Request::new(plain.into_iter().skip(1), &tree).without(without);
    if let Some(path) = lock.as_ref().filter(|path| path.exists()) {
        request.lock = Some(Lock::parse(&std::fs::read_to_string(path)?)?);
    }
    let settings = Settings { mirror, keyring, ..settings(tree.with_file_name("cache")) };
    let start = Instant::now();
    let mut phase = "";
    let installed = install(&request, &settings, &mut |progress: Progress<'_>| {
        if phase != progress.phase() {
            phase = progress.phase();
            eprintln!("{:>6} ms  {progress:?}", start.elapsed().as_millis());
        }
    });
    let installed = installed.inspect_err(|error| {
        if let Some(hint) = error.hint(&WAYS) {
            eprintln!("hint: {hint}");
        }
    })?;
    if let Some(path) = lock {
        installed.lock.write(&path)?;
    }
    eprintln!(
        "{:>6} ms  {} packages in {}, {} bytes downloaded, {:?}",
        start.elapsed().as_millis(),
        installed.lock.debs.len(),
        installed.tree,
        installed.downloaded_bytes,
        installed.origin,
    );
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
