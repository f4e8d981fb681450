//! EML (RFC 5322, MIME): who wrote to whom, when and about what, and the text.
//! Attachments are named and not opened.

use mail_parser::{Address, MessageParser, MimeHeaders, PartType};

use super::{BlockKind, ParseError, Parsed, html, kept::Kept, one_line, plain};

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let message = MessageParser::default().parse(bytes);
    let message = message.ok_or(ParseError::Unreadable)?;
    let mut kept = Kept::titled(
        message
            .subject()
            .map(one_line)
            .filter(|subject| !subject.is_empty()),
    );
    let files = message
        .attachments()
        .filter_map(MimeHeaders::attachment_name);
    let lines = [
        ("Subject", kept.title.clone()),
        ("From", message.from().map(people)),
        ("To", message.to().map(people)),
        ("Cc", message.cc().map(people)),
        (
            "Date",
            message.date().map(mail_parser::DateTime::to_rfc3339),
        ),
        ("Attachments", Some(files.collect::<Vec<_>>().join(", "))),
    ];
    let lines = lines.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(format!("{name}: {}", one_line(&value)))
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return Err(ParseError::Unreadable);
    }
    kept.push(BlockKind::Whole, &lines.join("\n"))?;
    for part in message.text_bodies() {
        match &part.body {
            PartType::Html(page) => kept.append(html::parse(page))?,
            PartType::Text(text) => kept.append(plain::parse(text))?,
            _ => {}
        }
    }
    Ok(kept.finish())
}

fn people(address: &Address<'_>) -> String {
    let each = address.iter().map(|one| match (one.name(), one.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_head_and_its_text() {
        let source = "From: =?utf-8?q?Ad=C3=A8le?= <a@example.com>\r\nTo: b@example.com\r\n\
            Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
            Content-Type: text/plain; charset=iso-8859-1\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=DFe.\r\n--x\r\n\
            Content-Type: application/pdf; name=plan.pdf\r\n\
            Content-Disposition: attachment; filename=plan.pdf\r\n\r\n%PDF\r\n--x--\r\n";
        let parsed = parse(source.as_bytes()).unwrap();
        let texts: Vec<_> = parsed
            .blocks
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        let head = "Subject: Grüße\nFrom: Adèle <a@example.com>\nTo: b@example.com\n\
            Attachments: plan.pdf";
        assert_eq!(texts, [head, "Schöne Grüße."]);
        assert_eq!(parsed.title.as_deref(), Some("Grüße"));
    }
}
