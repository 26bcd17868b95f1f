//! The table as Markdown. Pure, but for what the machine says of itself.

use super::{
    Master, Measured,
    judge::{self, LARGE, REFERENCE_SIZE, ROWS, SIZE, Verdict},
};
use crate::machine;

/// Everything between the markers.
pub(super) fn section(measured: &Measured, date: &str, subject: &str) -> String {
    let mut out = format!(
        "{date}, {subject}. Machine: {}; {}.\n\n",
        machine::description(),
        others(measured)
    );
    out.push_str(&format!(
        "Taken by `bench/run`, one after the other in one run, data on a real disk, every answer \
         durable before it is given: the ceiling (a server that only decodes; for what writes it \
         also appends and syncs, many at once), slapproxy of slapos.core 1.26.1 with \
         {reference} partitions on one connection (with more of either it gets slower or wrong), \
         ours with {ours}. Rates are medians of the repeats. The part of the ceiling decides; \
         the multiple of slapproxy moves with the disk.\n\n",
        reference = count(REFERENCE_SIZE as f64),
        ours = count(SIZE as f64),
    ));
    out.push_str(
        "| operation | ours /s | ceiling /s | of the ceiling | slapproxy /s | times slapproxy \
         | wanted | reached |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in &ROWS {
        let rates = row.rates(measured);
        let wanted = row.times_min.map_or(String::new(), |times| format!(", {times}"));
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {}{wanted} | {} |\n",
            row.operation,
            optional(rates.ours, count),
            optional(rates.ceiling, count),
            optional(rates.share, |share| format!("{share:.2}")),
            optional(rates.reference, count),
            optional(rates.times, count),
            row.share_min,
            verdict(rates.verdict),
        ));
    }
    out.push('\n');
    out.push_str(&figures(measured));
    out.push('\n');
    out.push_str(&sizes(measured));
    out
}

/// What is not a rate.
fn figures(measured: &Measured) -> String {
    let mut out =
        "| figure | wanted | measured | reached |\n| --- | --- | --- | --- |\n".to_owned();
    let mut line = |figure: &str, wanted: &str, found: String, reached: Verdict| {
        out.push_str(&format!("| {figure} | {wanted} | {found} | {} |\n", verdict(reached)));
    };
    let largest = measured.ours.last_key_value();
    let growth = largest
        .filter(|(size, _)| **size > SIZE)
        .and_then(|(_, large)| judge::growth(measured.ours.get(&SIZE), Some(large)));
    let at = largest.map_or(LARGE, |(size, _)| if *size > SIZE { *size } else { LARGE });
    line(
        &format!(
            "CPU for an operation at {} partitions over that at {}",
            count(at as f64),
            count(SIZE as f64)
        ),
        "at most 1.5",
        growth.as_ref().map_or("–".into(), |(name, ratio)| format!("{ratio:.2} ({name})")),
        judge::at_most(growth.map(|(_, ratio)| ratio), 1.5),
    );
    line(
        "allocations in process, no HTTP, 512 waiting",
        "10,000 /s",
        optional(measured.in_process, |rate| format!("{} /s", count(rate))),
        judge::at_least(measured.in_process, 10_000.0),
    );
    let large = measured.ours.get(&LARGE);
    let memory = large.and_then(judge::memory_bytes);
    line(
        "memory at 1,000,000 partitions, all busy",
        "at most 1.2 GB",
        optional(memory, |bytes| format!("{:.2} GB", bytes / 1e9)),
        judge::at_most(memory, 1.2e9),
    );
    let ready_s = large.and_then(|large| large.ready_ms).map(|ms| ms / 1e3);
    line(
        "the same: SIGKILL to first answer",
        "at most 20 s",
        optional(ready_s, |s| format!("{s:.1} s")),
        judge::at_most(ready_s, 20.0),
    );
    let watch = measured.watch.as_ref();
    let number = |pointer: &str| watch.and_then(|report| report.checks.pointer(pointer)?.as_f64());
    let watchers = number("/watchers").unwrap_or(10_000.0);
    let (each, cpu) = (number("/idle_kib_each"), number("/idle_cpu_percent"));
    line(
        &format!("{} idle watchers", count(watchers)),
        "at most 40 KiB each, at most 1 % CPU",
        each.zip(cpu)
            .map_or("–".into(), |(kib, cpu)| format!("{kib:.0} KiB each, {cpu:.1} % CPU")),
        judge::both(judge::at_most(each, 40.0), judge::at_most(cpu, 1.0)),
    );
    let woken = |quantile| number(&format!("/woken_after_us/{quantile}")).map(|us| us / 1e3);
    let (p50, p99) = (woken("p50"), woken("p99"));
    let rate = watch.map_or(10_000.0, |report| report.rate_per_s);
    // a slower rate than the wanted one proves nothing
    let kept_up = watch.map(|report| report.rate_per_s);
    line(
        &format!("change to woken watcher, {} changes/s", count(rate)),
        "10,000 changes/s, p50 5 ms, p99 100 ms after durable",
        p50.zip(p99).map_or("–".into(), |(p50, p99)| format!("p50 {p50:.1} ms, p99 {p99:.1} ms")),
        judge::both(
            judge::at_least(kept_up, 9_900.0),
            judge::both(judge::at_most(p50, 5.0), judge::at_most(p99, 100.0)),
        ),
    );
    out
}

const COLUMNS: [(&str, &[&str]); 5] = [
    ("allocate", &["allocate_K64", "allocate_K1"]),
    ("re-ask", &["reask_K64", "reask_K1"]),
    ("info", &["info_K64", "info_K1"]),
    ("publish", &["publish_K64", "publish_K1"]),
    ("poll of 100", &["poll_K4", "poll_K1"]),
];

/// How rates, CPU, memory and restart move with the size of the fleet.
fn sizes(measured: &Measured) -> String {
    let names = COLUMNS.map(|(name, _)| name).join(" | ");
    let mut out = format!(
        "With the size of the fleet: rate /s and, in parentheses, the master's CPU for one \
         operation.\n\n| partitions | master | {names} | memory | SIGKILL to first answer |\n\
         | --- | --- |{} --- | --- |\n",
        " --- |".repeat(COLUMNS.len())
    );
    let reference = measured.reference.iter().map(|(size, master)| (size, "slapproxy", master));
    let ours = measured.ours.iter().map(|(size, master)| (size, "ours", master));
    let mut lines: Vec<_> = ours.chain(reference).collect();
    lines.sort_by_key(|(size, _, _)| **size);
    for (size, who, master) in lines {
        let cells = COLUMNS.map(|(_, reports)| cell(master, reports)).join(" | ");
        out.push_str(&format!(
            "| {} | {who} | {cells} | {} | {} |\n",
            count(*size as f64),
            optional(judge::memory_bytes(master), |bytes| format!("{:.0} MB", bytes / 1e6)),
            optional(master.ready_ms, |ms| format!("{:.2} s", ms / 1e3)),
        ));
    }
    out
}

fn cell(master: &Master, reports: &[&str]) -> String {
    let found = reports.iter().find_map(|name| Some((*name, master.reports.get(*name)?)));
    let Some((name, report)) = found else { return "–".into() };
    let cpu = optional(judge::cpu_us(&master.reports, name), microseconds);
    format!("{} ({cpu})", count(report.rate_per_s))
}

/// How much of the machine others used meanwhile.
fn others(measured: &Measured) -> String {
    let masters = measured.ours.values().chain(measured.reference.values());
    let all = masters.flat_map(|master| master.reports.values()).chain(measured.ceiling.values());
    let cores: Vec<f64> = all.map(|report| report.machine.other_cpu_percent / 100.0).collect();
    let low = cores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = cores.iter().copied().fold(0.0, f64::max);
    let mean = cores.iter().sum::<f64>() / cores.len() as f64;
    if cores.is_empty() {
        return "nothing was measured".into();
    }
    format!("others used {low:.1} to {high:.1} cores meanwhile, {mean:.1} on average")
}

fn optional(figure: Option<f64>, render: impl Fn(f64) -> String) -> String {
    figure.map_or("–".into(), render)
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Yes => "yes",
        Verdict::No => "**no**",
        Verdict::NotMeasured => "not measured",
    }
}

fn microseconds(us: f64) -> String {
    if us >= 1000.0 { format!("{:.1} ms", us / 1e3) } else { format!("{us:.0} µs") }
}

/// A number for people: three digits at least, thousands set apart.
fn count(number: f64) -> String {
    if number < 9.95 {
        return format!("{number:.2}");
    }
    if number < 99.95 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        for (number, text) in [
            (0.484, "0.48"),
            (11.52, "11.5"),
            (123.4, "123"),
            (12_600.0, "12,600"),
            (1e6, "1,000,000"),
        ] {
            assert_eq!(count(number), text);
        }
    }
}
