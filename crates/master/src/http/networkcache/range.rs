//! A file as an answer: whole, or the rest of it that a client asks for when it was broken off.

use std::io::{self, SeekFrom};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

/// How much is read at once, in bytes.
const PIECE: u64 = 64 << 10;

/// Answers with a file.
pub(super) async fn answer(mut file: File, range: Option<&HeaderValue>) -> io::Result<Response> {
    let length = file.metadata().await?.len();
    let wanted = range.and_then(|it| it.to_str().ok()).and_then(|text| parse(text, length));
    let (status, from, to) = match wanted {
        None => (StatusCode::OK, 0, length),
        Some(Some((from, to))) => (StatusCode::PARTIAL_CONTENT, from, to),
        Some(None) => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    file.seek(SeekFrom::Start(from)).await?;
    let mut response = (status, Body::from_stream(pieces(file, to - from))).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {from}-{}/{length}", to - 1);
        headers.insert(header::CONTENT_RANGE, text.parse().expect("digits are a header"));
    }
    Ok(response)
}

/// The bytes that `bytes=FROM-[LAST]` means, the end not included. Other texts mean the whole; the
/// inner `None` is a range that begins beyond the end.
fn parse(text: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let (from, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let end = match last {
        "" => length,
        last => last.parse::<u64>().ok()?.checked_add(1)?.min(length),
    };
    Some((from < end).then_some((from, end)))
}

/// A file from where it is on, for so many bytes.
fn pieces(file: File, left: u64) -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, left), async |(mut file, left)| {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = Vec::new();
        let read = (&mut file).take(left.min(PIECE)).read_to_end(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_a_beginning_and_perhaps_an_end() {
        let table = [
            ("bytes=0-", Some(Some((0, 10)))),
            ("bytes=4-", Some(Some((4, 10)))),
            ("bytes=4-5", Some(Some((4, 6)))),
            ("bytes=4-99", Some(Some((4, 10)))),
            ("bytes=10-", Some(None)),
            ("bytes=5-4", Some(None)),
            ("bytes=-3", None),
            ("lines=1-", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, 10), expected, "{text}");
        }
    }
}
