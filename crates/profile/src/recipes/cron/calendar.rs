//! From a calendar expression of systemd, as far as cron can say the same, to the five fields of cron. Pure.

/// Words that stand for a whole expression.
const WORDS: [(&str, &str); 6] = [
    ("minutely", "* * * * *"),
    ("hourly", "0 * * * *"),
    ("daily", "0 0 * * *"),
    ("weekly", "0 0 * * 0"),
    ("monthly", "0 0 1 * *"),
    ("yearly", "0 0 1 1 *"),
];
const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A number of the field: its smallest value, and how many there are.
type Range = (u32, u32);
const MINUTE: Range = (0, 60);
const HOUR: Range = (0, 24);
const DAY: Range = (1, 31);
const MONTH: Range = (1, 12);

/// *[days of the week] [[year-]month-day] [hour:minute[:second]]* as *minute hour day month day-of-week*.
pub(super) fn to_cron(text: &str) -> Result<String, &'static str> {
    if let Some((_, cron)) = WORDS.iter().find(|(word, _)| *word == text) {
        return Ok((*cron).to_owned());
    }
    let mut words = text.split_whitespace().peekable();
    if words.peek().is_none() {
        return Err("it is empty");
    }
    let weekday = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    let weekday = weekday.map_or(Ok("*".to_owned()), days_of_week)?;
    let date = words.next_if(|word| !word.contains(':')).unwrap_or("*-*");
    let time = words.next().unwrap_or("0:0");
    if words.next().is_some() {
        return Err("it has too many words");
    }
    let (month, day) = match date.split('-').collect::<Vec<_>>()[..] {
        [month, day] | ["*", month, day] => (month, day),
        [_, _, _] => return Err("cron knows no years"),
        _ => return Err("its date is not `month-day`"),
    };
    if weekday != "*" && day != "*" {
        return Err("cron takes either a day of the week or a day of the month");
    }
    let (hour, minute) = match time.split(':').collect::<Vec<_>>()[..] {
        [hour, minute] => (hour, minute),
        [hour, minute, second] if second.parse() == Ok(0) => (hour, minute),
        [_, _, _] => return Err("cron knows no seconds"),
        _ => return Err("its time is not `hour:minute`"),
    };
    let fields =
        [field(minute, MINUTE)?, field(hour, HOUR)?, field(day, DAY)?, field(month, MONTH)?];
    Ok(format!("{} {weekday}", fields.join(" ")))
}

/// `mon-fri,sun` as numbers.
fn days_of_week(text: &str) -> Result<String, &'static str> {
    let number = |name: &str| {
        let name = name.to_ascii_lowercase();
        let found = DAYS.iter().position(|day| *day == name || day[..3] == name);
        found.map(|number| number.to_string()).ok_or("it names no day of the week")
    };
    let mut found = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        found.push(match part.split_once('-') {
            Some((first, last)) => format!("{}-{}", number(first)?, number(last)?),
            None => number(part)?,
        });
    }
    found.sort();
    Ok(found.join(","))
}

/// `*`, or numbers each of which may be repeated in steps, as in `1/15`.
fn field(text: &str, (smallest, count): Range) -> Result<String, &'static str> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let one = |part: &str| {
        let (first, step) = match part.split_once('/') {
            Some((first, step)) => (first, Some(step)),
            None => (part, None),
        };
        let within =
            |text: &str| text.parse::<u32>().map_err(|_| "it has something that is no number");
        let offset = within(first)?.checked_sub(smallest).filter(|offset| *offset < count);
        let offset = offset.ok_or("it has a number out of range")?;
        let Some(step) = step else {
            return Ok(first.to_owned());
        };
        let step = within(step)?;
        let last = (count - offset - 1).checked_div(step).ok_or("it has a step of nothing")? * step;
        match last {
            0 => Err("it has a step that leads out of range"),
            last => Ok(format!("{first}-{}/{step}", smallest + offset + last)),
        }
    };
    Ok(text.split(',').map(one).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::to_cron;

    #[test]
    fn calendar_expressions_of_systemd() {
        let table = [
            ("minutely", "* * * * *"),
            ("weekly", "0 0 * * 0"),
            ("12:30", "30 12 * * *"),
            ("*-*-* 2:0:0", "0 2 * * *"),
            ("*-1 3:05", "05 3 1 * *"),
            ("6-15", "0 0 15 6 *"),
            ("Mon..".trim_end_matches('.'), "0 0 * * 1"),
            ("sun,mon-Fri 1:2", "2 1 * * 0,1-5"),
            ("saturday", "0 0 * * 6"),
            ("0/6:0", "0 0-18/6 * * *"),
            ("*:7/20", "7-47/20 * * * *"),
            ("*-1/10,31 0:0", "0 0 1-31/10,31 * *"),
        ];
        for (text, expected) in table {
            assert_eq!(to_cron(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cron_cannot_say_is_refused() {
        for text in [
            "", "2024-1-1", "mon *-1", "1:2:3", "24:0", "0:60", "0-1", "*-32", "*/5:0", "0:0/0",
            "0:30/60", "noday", "mon tue", "1:2 3:4", "1", "a:b",
        ] {
            assert!(to_cron(text).is_err(), "{text}: {:?}", to_cron(text));
        }
    }
}
