//! A model's answer as it comes: server-sent events whose data are chunks of a
//! completion, read as loosely as providers write them.
//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use std::{collections::VecDeque, io::Cursor, pin::Pin, sync::Arc};

use futures::{StreamExt, TryStreamExt};
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio_util::{
    codec::{FramedRead, LinesCodec, LinesCodecError},
    io::StreamReader,
};

use super::{Failure, model::LOGGED};
use crate::domain::answer::TokenUsage;

/// The longest line of a stream, in bytes.
const LINE: usize = 1024 * 1024;

/// What is kept ready for a chunk, in bytes: thousands of answers may be silent
/// at a time.
const CHUNK: usize = 1024;

/// The longest text of an answer, in bytes.
const TEXT: usize = 1024 * 1024;

/// What a chunk brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Text; the first one has more than white space.
    Text(String),
    /// What is not shown: a reasoning model's thoughts, white space before the
    /// first word. It tells that the model is at work.
    Thought,
    /// What the model has used.
    Usage(TokenUsage),
    /// The answer is as long as it may be.
    Limit,
}

/// The rest of an answer. Dropping it stops the model.
pub(super) struct Reply {
    lines: FramedRead<Pin<Box<dyn AsyncRead + Send>>, LinesCodec>,
    tokens: VecDeque<Token>,
    /// The end was announced, by the protocol's mark or by a reason to end.
    ended: bool,
    /// Bytes of text so far.
    written: usize,
    /// Its place at the client.
    _client: Arc<Client>,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Value>,
    #[serde(alias = "reasoning_content")]
    reasoning: Option<Value>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Reply {
    /// The answer in the body of this response, which came over this client.
    pub(super) fn new(response: Response, client: Arc<Client>) -> Self {
        // A copy, since a piece holds the whole buffer of its connection, 8 KiB, until
        // the next one comes, and the connection would take another one meanwhile.
        let bytes = response.bytes_stream();
        let bytes = bytes.map_ok(|piece| Cursor::new(piece.to_vec()));
        let bytes = bytes.map_err(std::io::Error::other);
        let lines = LinesCodec::new_with_max_length(LINE);
        let body: Pin<Box<dyn AsyncRead + Send>> = Box::pin(StreamReader::new(bytes));
        Self {
            lines: FramedRead::with_capacity(body, lines, CHUNK),
            tokens: VecDeque::new(),
            ended: false,
            written: 0,
            _client: client,
        }
    }

    /// The next token; nothing once the answer is whole.
    pub(super) async fn next(&mut self) -> Result<Option<Token>, Failure> {
        while self.tokens.is_empty() {
            match self.lines.next().await {
                // What breaks after the end matters to nobody.
                None | Some(Err(_)) if self.ended => return Ok(None),
                None => return Err(Failure::Cut),
                Some(Err(LinesCodecError::Io(error))) => return Err(broken(error)),
                Some(Err(LinesCodecError::MaxLineLengthExceeded)) => {
                    return Err(Failure::Malformed("a line that is too long"));
                }
                Some(Ok(line)) => self.read(&line)?,
            }
        }
        Ok(self.tokens.pop_front())
    }

    /// Waits for one of the tokens that are wanted, and keeps what came.
    pub(super) async fn wait_for(&mut self, wanted: fn(&Token) -> bool) -> Result<(), Failure> {
        let mut kept = VecDeque::new();
        loop {
            match self.next().await? {
                None => return Err(Failure::Silent),
                Some(token) => {
                    let found = wanted(&token);
                    kept.push_back(token);
                    if found {
                        break;
                    }
                }
            }
        }
        kept.append(&mut self.tokens);
        kept.retain(|token| *token != Token::Thought);
        self.tokens = kept;
        Ok(())
    }

    /// Fields beside `data`, comments and empty lines say nothing here.
    fn read(&mut self, line: &str) -> Result<(), Failure> {
        let Some(data) = line.strip_prefix("data:").map(str::trim) else {
            return Ok(());
        };
        if data == "[DONE]" {
            self.ended = true;
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        let Ok(chunk) = serde_json::from_str::<Chunk>(data) else {
            return Err(Failure::Malformed("a chunk that is none"));
        };
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(refused(&error));
        }
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            self.take(choice)?;
        }
        if let Some(usage) = chunk.usage {
            self.tokens.push_back(Token::Usage(TokenUsage {
                prompt: usage.prompt_tokens.unwrap_or_default(),
                completion: usage.completion_tokens.unwrap_or_default(),
            }));
        }
        Ok(())
    }

    fn take(&mut self, choice: Choice) -> Result<(), Failure> {
        if let Some(delta) = choice.delta {
            let text = delta.content.as_ref().and_then(Value::as_str);
            match text.filter(|text| !text.is_empty()) {
                Some(text) if self.written == 0 && text.trim().is_empty() => {
                    self.tokens.push_back(Token::Thought);
                }
                Some(text) => {
                    self.written += text.len();
                    if self.written > TEXT {
                        return Err(Failure::Malformed("more text than an answer may have"));
                    }
                    self.tokens.push_back(Token::Text(text.to_owned()));
                }
                None if delta.reasoning.is_some_and(|thought| !thought.is_null()) => {
                    self.tokens.push_back(Token::Thought);
                }
                None => {}
            }
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            // As OpenRouter says it where the model behind it broke off.
            Some("error") => return Err(Failure::Cut),
            Some("length") => {
                self.ended = true;
                self.tokens.push_back(Token::Limit);
            }
            Some(_) => self.ended = true,
        }
        Ok(())
    }
}

/// A line that is not UTF-8 comes as an error of reading.
fn broken(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return Failure::Malformed("bytes that are no text");
    }
    Failure::Unreachable(Box::new(error))
}

/// An error in the stream, which has the status in `code` or nowhere.
fn refused(error: &Value) -> Failure {
    let code = error.get("code").and_then(Value::as_u64);
    let words = error.get("message").and_then(Value::as_str);
    let words = words.map_or_else(|| error.to_string(), str::to_owned);
    Failure::Refused {
        status: code
            .and_then(|code| u16::try_from(code).ok())
            .unwrap_or_default(),
        words: words.chars().take(LOGGED).collect(),
        after: None,
    }
}
