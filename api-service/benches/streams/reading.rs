//! A response that is read as it comes, with as little as that needs, so that
//! the reader takes no time from what is measured.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A response over a connection of its own.
pub(super) struct Reading {
    connection: TcpStream,
    read: Vec<u8>,
    /// How much of that was looked at.
    seen: usize,
}

impl Reading {
    /// Sends a body of JSON.
    pub(super) async fn post(
        port: u16,
        path: &str,
        token: &str,
        body: &str,
    ) -> Result<Self, String> {
        let length = body.len();
        let more = format!("content-type: application/json\r\ncontent-length: {length}\r\n");
        Self::send(port, &format!("POST {path}"), token, &more, body).await
    }

    /// Asks for what is there.
    pub(super) async fn get(port: u16, path: &str, token: &str) -> Result<Self, String> {
        Self::send(port, &format!("GET {path}"), token, "", "").await
    }

    async fn send(
        port: u16,
        what: &str,
        token: &str,
        more: &str,
        body: &str,
    ) -> Result<Self, String> {
        let mut connection = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(|error| error.to_string())?;
        connection.set_nodelay(true).unwrap();
        let request = format!(
            "{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\n{more}\r\n{body}"
        );
        let sent = connection.write_all(request.as_bytes()).await;
        sent.map_err(|error| error.to_string())?;
        Ok(Self {
            connection,
            read: vec![],
            seen: 0,
        })
    }

    /// Reads until this has come.
    pub(super) async fn until(&mut self, mark: &str) -> Result<(), String> {
        let mark = mark.as_bytes();
        loop {
            let new = &self.read[self.seen..];
            if let Some(at) = new.windows(mark.len()).position(|bytes| bytes == mark) {
                self.seen += at + mark.len();
                return Ok(());
            }
            self.seen = self
                .read
                .len()
                .saturating_sub(mark.len() - 1)
                .max(self.seen);
            match self.connection.read_buf(&mut self.read).await {
                Ok(0) => return Err(format!("it ended: {}", self.end())),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Reads until this has come; gives what was before it.
    pub(super) async fn through(&mut self, mark: &str) -> Result<String, String> {
        let from = self.seen;
        self.until(mark).await?;
        let text = &self.read[from..self.seen - mark.len()];
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// The message's id in the event that began it. What was read is forgotten.
    pub(super) fn message(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.read);
        let id = text.split("\"message_id\":\"").nth(1).unwrap();
        let id = id.split('"').next().unwrap().to_owned();
        self.read = vec![];
        self.seen = 0;
        id
    }

    fn end(&self) -> String {
        let from = self.read.len().saturating_sub(400);
        String::from_utf8_lossy(&self.read[from..]).into_owned()
    }
}
