//! Backslash escapes of Python's texts.

/// Decodes the escapes of a text. An unknown escape stays as it is, backslash included; one before a newline joins lines.
pub(crate) fn decode(body: &str) -> Result<String, String> {
    let mut out = String::with_capacity(body.len());
    let mut rest = body.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = rest.next() else {
            return Err("the text ends with a lone backslash".into());
        };
        match kind {
            'x' => out.push(hexadecimal(&mut rest, 2)?),
            'u' => out.push(hexadecimal(&mut rest, 4)?),
            'U' => out.push(hexadecimal(&mut rest, 8)?),
            'N' => {
                return Err(
                    "`\\N{...}` is not supported; write the character itself or `\\u....`".into()
                );
            }
            '0'..='7' => out.push(octal(kind, &mut rest)?),
            other => match simple(other) {
                Some(Some(c)) => out.push(c),
                Some(None) => {}
                None => {
                    out.push('\\');
                    out.push(other);
                }
            },
        }
    }
    Ok(out)
}

/// Decodes the escapes of bytes; `raw` ones have none.
pub(crate) fn decode_bytes(body: &str, raw: bool) -> Result<Vec<u8>, String> {
    if !body.is_ascii() {
        return Err("bytes can only contain ASCII literal characters".into());
    }
    if raw {
        return Ok(body.as_bytes().to_vec());
    }
    // In bytes `\u` and `\N` are no escapes.
    let guarded = body
        .replace("\\\\", "\\134")
        .replace("\\u", "\\134u")
        .replace("\\U", "\\134U")
        .replace("\\N", "\\134N");
    let text = decode(&guarded)?;
    text.chars()
        .map(|c| u8::try_from(c).map_err(|_| "an escape is beyond one byte".to_string()))
        .collect()
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// `Some(None)`: the escape stands for nothing.
fn simple(kind: char) -> Option<Option<char>> {
    Some(Some(match kind {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '\\' => '\\',
        '\'' => '\'',
        '"' => '"',
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        '\n' => return Some(None),
        _ => return None,
    }))
}

fn hexadecimal(rest: &mut Rest<'_>, length: usize) -> Result<char, String> {
    let mut code = 0;
    for _ in 0..length {
        let Some(digit) = rest.next_if(char::is_ascii_hexdigit).and_then(|c| c.to_digit(16)) else {
            return Err(format!("an escape needs {length} hexadecimal digits"));
        };
        code = code * 16 + digit;
    }
    char::from_u32(code).ok_or_else(|| format!("U+{code:X} is not a character"))
}

fn octal(first: char, rest: &mut Rest<'_>) -> Result<char, String> {
    let mut code = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        match rest.next_if(|c| c.is_digit(8)).and_then(|c| c.to_digit(8)) {
            Some(digit) => code = code * 8 + digit,
            None => break,
        }
    }
    char::from_u32(code).ok_or_else(|| "not a character".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_what_is_no_escape_of_theirs() {
        assert_eq!(decode_bytes("\\u00\\\\x\\x00", false).unwrap(), b"\\u00\\x\0");
    }
}
