//! The condition of a section header, such as `[name:linux and platform.machine() == "x86_64"]`.
//!
//! A small part of Python: names, texts, integers, tuples, comparisons, `and or not`. The names describe this
//! machine and a Python 3.11, the version that profiles may assume here. Evaluates nothing else, ever.

use std::cmp::Ordering;

/// Version of Python that profiles may assume.
const PYTHON: [i64; 3] = [3, 11, 2];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Bool(bool),
    Int(i64),
    Text(String),
    /// A dotted version, as in the markers `python_version` and `platform_release`.
    Version(Vec<i64>),
    Tuple(Vec<Self>),
}

/// The truth of a condition; an error is a sentence about what is not understood.
pub(super) fn evaluate(text: &str) -> Result<bool, String> {
    let text = text.replace("\\x23", "#").replace("\\x3b", ";");
    let mut parser = Parser { tokens: tokens(&text)?, at: 0, depth: 0 };
    let value = parser.either()?;
    match parser.peek() {
        None => Ok(truth(&value)),
        Some(token) => Err(format!("the condition is not understood at `{token}`")),
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::Text(text) => !text.is_empty(),
        Value::Version(_) => true,
        Value::Tuple(items) => !items.is_empty(),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let end = rest[1..].find(first).ok_or("the condition has a text without end")?;
                end + 2
            }
            c if c.is_alphanumeric() || c == '_' => rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(rest.len()),
            _ => ["==", "!=", "<=", ">="]
                .iter()
                .find(|op| rest.starts_with(**op))
                .map_or(first.len_utf8(), |op| op.len()),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Result<Value, String> {
        let mut left = self.both()?;
        while self.take("or") {
            let right = self.both()?;
            left = if truth(&left) { left } else { right };
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Value, String> {
        let mut left = self.negation()?;
        while self.take("and") {
            let right = self.negation()?;
            left = if truth(&left) { right } else { left };
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("the condition is nested too deeply".into());
        }
        let value = if self.take("not") {
            Value::Bool(!truth(&self.negation()?))
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.atom()?;
        let Some(operator) =
            self.peek().filter(|op| ["==", "!=", "<", "<=", ">", ">=", "in", "not"].contains(op))
        else {
            return Ok(left);
        };
        let operator = operator.to_owned();
        self.at += 1;
        if operator == "not" && !self.take("in") {
            return Err("the condition is not understood at `not`".into());
        }
        let right = self.atom()?;
        compare(&left, &operator, &right).map(Value::Bool)
    }

    fn atom(&mut self) -> Result<Value, String> {
        let Some(token) = self.peek().map(str::to_owned) else {
            return Err("the condition ends too early".into());
        };
        self.at += 1;
        if token == "(" {
            return self.parenthesis();
        }
        if let Some(text) = token.strip_prefix(['"', '\'']) {
            return Ok(Value::Text(text[..text.len() - 1].to_owned()));
        }
        if let Ok(number) = token.parse() {
            return Ok(Value::Int(number));
        }
        let called = self.take("(") && self.take(")");
        name(&token, called)
            .ok_or_else(|| format!("the condition uses `{token}`, which is not known here"))
    }

    fn parenthesis(&mut self) -> Result<Value, String> {
        let first = self.either()?;
        if self.take(")") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            if self.peek() == Some(")") {
                break;
            }
            items.push(self.either()?);
        }
        if self.take(")") {
            Ok(Value::Tuple(items))
        } else {
            Err("the condition lacks a `)`".into())
        }
    }
}

fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, String> {
    if let "in" | "not" = operator {
        let found = match (left, right) {
            (Value::Text(part), Value::Text(whole)) => whole.contains(part.as_str()),
            (item, Value::Tuple(items)) => items.contains(item),
            _ => return Err("the condition asks what is `in` something that holds nothing".into()),
        };
        return Ok(found == (operator == "in"));
    }
    let order = match (left, right) {
        (Value::Version(a), Value::Text(b)) => Some(versions(a, b)),
        (Value::Text(a), Value::Version(b)) => Some(versions(b, a).reverse()),
        _ => order(left, right),
    };
    Ok(match (operator, order) {
        ("==", order) => order == Some(Ordering::Equal),
        ("!=", order) => order != Some(Ordering::Equal),
        (_, None) => return Err("the condition compares things that have no order".into()),
        ("<", Some(order)) => order.is_lt(),
        ("<=", Some(order)) => order.is_le(),
        (">", Some(order)) => order.is_gt(),
        (_, Some(order)) => order.is_ge(),
    })
}

fn versions(a: &[i64], text: &str) -> Ordering {
    let b: Vec<i64> = text.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    let at = |parts: &[i64], i: usize| parts.get(i).copied().unwrap_or(0);
    (0..a.len().max(b.len()))
        .map(|i| at(a, i).cmp(&at(&b, i)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Tuple(a), Value::Tuple(b)) => {
            for (x, y) in a.iter().zip(b) {
                let found = order(x, y)?;
                if found.is_ne() {
                    return Some(found);
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        _ => None,
    }
}

/// What a name means on this machine; `called` when `()` follows.
fn name(token: &str, called: bool) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let machine = std::env::consts::ARCH;
    if called {
        return match token {
            "platform.machine" => text(machine),
            "platform.system" => text("Linux"),
            "platform.python_implementation" => text("CPython"),
            _ => None,
        };
    }
    if let Some(digits) =
        token.strip_prefix("python").filter(|digits| digits.parse::<u32>().is_ok())
    {
        let current = [format!("{}", PYTHON[0]), format!("{}{}", PYTHON[0], PYTHON[1])];
        return Some(Value::Bool(current.iter().any(|version| version == digits)));
    }
    match token {
        "True" | "linux" | "posix" | "cpython" => Some(Value::Bool(true)),
        "bits64" => Some(Value::Bool(usize::BITS == 64)),
        "bits32" => Some(Value::Bool(usize::BITS == 32)),
        "little_endian" => Some(Value::Bool(cfg!(target_endian = "little"))),
        "big_endian" => Some(Value::Bool(cfg!(target_endian = "big"))),
        "False" | "windows" | "cygwin" | "solaris" | "macosx" | "pypy" | "jython"
        | "ironpython" => Some(Value::Bool(false)),
        "multiarch" => text(&format!("{machine}-linux-gnu")),
        "sys.platform" | "sys_platform" => text("linux"),
        "os.name" | "os_name" => text("posix"),
        "platform_machine" => text(machine),
        "platform_system" => text("Linux"),
        "implementation_name" => text("cpython"),
        "platform_python_implementation" => text("CPython"),
        "sys.version_info" => Some(Value::Tuple(PYTHON.map(Value::Int).to_vec())),
        "python_version" => Some(Value::Version(PYTHON[..2].to_vec())),
        "python_full_version" => Some(Value::Version(PYTHON.to_vec())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_profiles() {
        let machine = std::env::consts::ARCH;
        let table = [
            ("python3".to_owned(), Ok(true)),
            ("python2".into(), Ok(false)),
            ("python311".into(), Ok(true)),
            ("pypy or posix".into(), Ok(true)),
            ("not (python3 and linux)".into(), Ok(false)),
            (format!("linux and platform.machine() == \"{machine}\""), Ok(true)),
            ("platform.machine() in ('sparc', 'vax')".into(), Ok(false)),
            ("sys.version_info < (3,10)".into(), Ok(false)),
            ("sys.version_info >= (3, 8)".into(), Ok(true)),
            ("python_version >= \"3.8\"".into(), Ok(true)),
            ("python_version < '3.10'".into(), Ok(false)),
            ("sys.platform != 'win32'".into(), Ok(true)),
            ("'\\x23' == '#'".into(), Ok(true)),
            ("open('/etc/x').read()".into(), Err(())),
            ("python3 python3".into(), Err(())),
            ("(linux".into(), Err(())),
            ("'a' < 1".into(), Err(())),
            (String::new(), Err(())),
            ("(".repeat(5000), Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(evaluate(&text).map_err(|_| ()), expected, "{text}");
        }
    }
}
