//! Cuts a template into texts and tokens.
//!
//! White space control (`-`) is applied here: the parser sees texts as they will be written.

use crate::error::{Error, ErrorKind, Result};
use crate::escapes;
use crate::source::Source;
use crate::value::{Value, number};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// Text to be written as it is.
    Text(String),
    /// `{%`
    BlockBegin,
    /// `%}`
    BlockEnd,
    /// `{{`
    PrintBegin,
    /// `}}`
    PrintEnd,
    Name(String),
    Str(String),
    Number(Value),
    Operator(&'static str),
    End,
}

impl Token {
    /// The token as an author would call it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text(_) => "text".into(),
            Self::BlockBegin => "`{%`".into(),
            Self::BlockEnd => "`%}`".into(),
            Self::PrintBegin => "`{{`".into(),
            Self::PrintEnd => "`}}`".into(),
            Self::Name(name) => format!("`{name}`"),
            Self::Str(_) => "a text".into(),
            Self::Number(_) => "a number".into(),
            Self::Operator(sign) => format!("`{sign}`"),
            Self::End => "the end of the template".into(),
        }
    }
}

/// A token and its byte offset.
#[derive(Debug, Clone)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) at: usize,
}

/// Longest first, so that `**` is not read as two `*`.
const OPERATORS: [&str; 27] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";", "!",
];

/// All tokens of the source, with [`Token::End`] last.
pub(crate) fn tokens(source: &Source) -> Result<Vec<Spanned>> {
    let mut lexer = Lexer { source, text: &source.text, at: 0, out: Vec::new(), strip: false };
    lexer.run()?;
    lexer.push(Token::End, source.text.len());
    Ok(lexer.out)
}

struct Lexer<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
    out: Vec<Spanned>,
    /// The last tag ended with `-`: white space is dropped before the next text.
    strip: bool,
}

impl<'a> Lexer<'a> {
    fn push(&mut self, token: Token, at: usize) {
        self.out.push(Spanned { token, at });
    }

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        Err(self.source.locate(Error::new(ErrorKind::Syntax, message), at))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn run(&mut self) -> Result<()> {
        loop {
            let start = self.at;
            let Some(found) = find_opening(self.rest()) else {
                self.text_until(self.text.len(), start, false);
                return Ok(());
            };
            let open = start + found;
            let kind = self.text.as_bytes()[open + 1];
            let control = self.text.as_bytes().get(open + 2).copied();
            self.text_until(open, start, control == Some(b'-'));
            self.at = open + 2 + usize::from(matches!(control, Some(b'-' | b'+')));
            match kind {
                b'#' => self.comment(open)?,
                b'%' if self.raw(open)? => {}
                b'%' => {
                    self.push(Token::BlockBegin, open);
                    self.expression(open, "%}", &Token::BlockEnd)?;
                }
                _ => {
                    self.push(Token::PrintBegin, open);
                    self.expression(open, "}}", &Token::PrintEnd)?;
                }
            }
        }
    }

    /// Emits the text from `start` to `end`, stripped as the tags around it ask.
    fn text_until(&mut self, end: usize, start: usize, strip_end: bool) {
        let mut text = &self.text[start..end];
        if self.strip {
            text = text.trim_start_matches(is_space);
        }
        if strip_end {
            text = text.trim_end_matches(is_space);
        }
        self.strip = false;
        if !text.is_empty() {
            let text = text.to_string();
            self.push(Token::Text(text), start);
        }
    }

    fn comment(&mut self, open: usize) -> Result<()> {
        let Some(end) = self.rest().find("#}") else {
            return self.fail(open, "this comment is never closed; `#}` is missing");
        };
        self.strip = self.rest()[..end].ends_with('-');
        self.at += end + 2;
        Ok(())
    }

    /// Reads `{% raw %}...{% endraw %}`; false if the tag is another one.
    fn raw(&mut self, open: usize) -> Result<bool> {
        let Some((strip, length)) = tag(self.rest(), "raw") else {
            return Ok(false);
        };
        self.strip = strip;
        let start = self.at + length;
        let mut search = start;
        while let Some(found) = self.text[search..].find("{%") {
            let at = search + found;
            let inner = &self.text[at + 2..];
            let control = inner.chars().next().filter(|c| matches!(c, '-' | '+'));
            let body = &inner[control.map_or(0, char::len_utf8)..];
            if let Some((strip, length)) = tag(body, "endraw") {
                self.text_until(at, start, control == Some('-'));
                self.strip = strip;
                self.at = self.text.len() - body.len() + length;
                return Ok(true);
            }
            search = at + 2;
        }
        self.fail(open, "this `raw` block is never closed; `{% endraw %}` is missing")
    }

    fn expression(&mut self, open: usize, close: &str, end: &Token) -> Result<()> {
        let mut brackets: Vec<&'static str> = Vec::new();
        loop {
            let skipped = self.rest().trim_start_matches(is_space);
            self.at = self.text.len() - skipped.len();
            let (rest, at) = (self.rest(), self.at);
            if rest.is_empty() {
                return self.fail(open, format!("this tag is never closed; `{close}` is missing"));
            }
            if brackets.is_empty() {
                let control =
                    rest.chars().next().filter(|c| *c == '-' || *c == '+' && close == "%}");
                let width = control.map_or(0, char::len_utf8);
                if rest[width..].starts_with(close) {
                    self.push(end.clone(), at);
                    self.strip = control == Some('-');
                    self.at += width + close.len();
                    return Ok(());
                }
            }
            if self.number_or_name()? || self.string()? {
                continue;
            }
            let Some(sign) = OPERATORS
                .into_iter()
                .find(|sign| rest.starts_with(sign))
                .filter(|sign| *sign != "!")
            else {
                let c = rest.chars().next().unwrap_or(' ');
                return self.fail(at, format!("unexpected character `{c}`"));
            };
            self.bracket(sign, &mut brackets)?;
            self.push(Token::Operator(sign), at);
            self.at += sign.len();
        }
    }

    fn bracket(&self, sign: &'static str, brackets: &mut Vec<&'static str>) -> Result<()> {
        match sign {
            "(" => brackets.push(")"),
            "[" => brackets.push("]"),
            "{" => brackets.push("}"),
            ")" | "]" | "}" => match brackets.pop() {
                Some(expected) if expected == sign => {}
                Some(expected) => {
                    return self
                        .fail(self.at, format!("unexpected `{sign}`, expected `{expected}`"));
                }
                None => return self.fail(self.at, format!("unexpected `{sign}`")),
            },
            _ => {}
        }
        Ok(())
    }

    fn number_or_name(&mut self) -> Result<bool> {
        let (rest, at) = (self.rest(), self.at);
        let Some(first) = rest.chars().next() else {
            return Ok(false);
        };
        if first.is_ascii_digit() {
            let length = number_length(rest);
            let Some(value) = number(&rest[..length]) else {
                let text = rest[..length].to_string();
                return self.fail(at, format!("`{text}` is not a number"));
            };
            self.push(Token::Number(value), at);
            self.at += length;
            return Ok(true);
        }
        if !(first.is_alphabetic() || first == '_') {
            return Ok(false);
        }
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest[..length].to_string();
        self.push(Token::Name(name), at);
        self.at += length;
        Ok(true)
    }

    fn string(&mut self) -> Result<bool> {
        let (rest, at) = (self.rest(), self.at);
        let Some(mark) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(false);
        };
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = !escaped && *c == mark;
            escaped = !escaped && *c == '\\';
            closes
        });
        let Some((end, _)) = end else {
            return self.fail(at, "this text has no closing quote");
        };
        match escapes::decode(&rest[1..end]) {
            Ok(text) => self.push(Token::Str(text), at),
            Err(message) => return self.fail(at, message),
        }
        self.at += end + 1;
        Ok(true)
    }
}

/// Offset of the next `{{`, `{%` or `{#`.
fn find_opening(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.windows(2).position(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// Python's idea of white space.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `text` begins with the tag `word`, up to its `%}`: whether `-` closes it, and its length.
fn tag(text: &str, word: &str) -> Option<(bool, usize)> {
    let rest = text.trim_start_matches(is_space).strip_prefix(word)?.trim_start_matches(is_space);
    let control = rest.chars().next().filter(|c| matches!(c, '-' | '+'));
    let rest = rest[control.map_or(0, char::len_utf8)..].strip_prefix("%}")?;
    Some((control == Some('-'), text.len() - rest.len()))
}

/// How many bytes belong to the number at the start of `text`.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'_') {
            at += 1;
        }
        at
    };
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
        let tail = text[2..].find(|c: char| !(c.is_ascii_hexdigit() || c == '_'));
        return tail.map_or(text.len(), |tail| tail + 2);
    }
    let mut end = digits(0);
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if bytes.get(end) == Some(&b'.') && digit(end + 1) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digit(end + 1 + sign) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(template: &str) -> String {
        let source = Source::new("t", template, false);
        let tokens = tokens(&source).unwrap();
        let texts = tokens.into_iter().map(|spanned| match spanned.token {
            Token::Text(text) => text,
            Token::BlockBegin | Token::PrintBegin => "<".into(),
            Token::BlockEnd | Token::PrintEnd => ">".into(),
            Token::Name(_) | Token::Str(_) | Token::Number(_) | Token::Operator(_) => ".".into(),
            Token::End => String::new(),
        });
        texts.collect()
    }

    #[test]
    fn white_space_is_dropped_where_asked() {
        let table = [
            ("a {{ x }} b\n", "a <.> b"),
            ("a {{- x -}} b", "a<.>b"),
            ("a {#- x -#} \n b", "ab"),
            ("a {%+ x +%} b", "a <.> b"),
            ("{% raw %} {{ x }} {% endraw %}", " {{ x }} "),
            ("a {%- raw -%} {% x {%- endraw -%} b", "a{% xb"),
            ("{{ {'a': {'b': 1}} }}", "<.........>"),
            ("\r\na\r", "\na"),
        ];
        for (template, expected) in table {
            assert_eq!(texts(template), expected, "{template}");
        }
    }

    #[test]
    fn a_tag_left_open_is_named_at_its_beginning() {
        for template in ["a\n {{ x", "a\n {% if", "a\n {# x", "a\n {% raw %} x"] {
            let source = Source::new("t", template, false);
            let error = tokens(&source).unwrap_err();
            let place = error.place().unwrap();
            assert_eq!((place.line, place.column), (2, 2), "{template}");
        }
    }
}
