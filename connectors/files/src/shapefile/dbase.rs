//! The table beside the shapes (dBASE III to VII, as shapefiles have it): rows in order, each value by its field's type.
//! Texts are in the encoding that the `.cpg` file or the table's language mark says, or the caller; without either they have
//! to be ASCII. Dates stay dates; memos are left out, since they stand in another file.

use std::io::{BufRead, Read};

use encoding_rs::Encoding;
use serde_json::Value;

use crate::error::Error;
use crate::features::Properties;
use crate::intake::Refusal;
use crate::options::Options;

/// Fields a table may have (dBASE VII has 1,024).
const MAX_FIELDS: usize = 4096;

pub(super) struct Table {
    reader: Box<dyn BufRead + Send>,
    file: String,
    fields: Vec<Field>,
    encoding: Option<&'static Encoding>,
    left: u32,
    stated: u32,
    row: Vec<u8>,
}

struct Field {
    name: String,
    kind: u8,
    length: usize,
    decimals: u8,
}

impl Table {
    /// Reads the header. `cpg` is what the file of that ending says.
    pub(super) fn open(
        mut reader: Box<dyn BufRead + Send>,
        file: &str,
        cpg: Option<&[u8]>,
        options: &Options,
    ) -> Result<Self, Error> {
        let malformed = |reason: &str| Error::Malformed {
            file: file.to_owned(),
            place: "table beside the shapes".to_owned(),
            reason: reason.to_owned(),
        };
        let mut head = [0; 32];
        reader.read_exact(&mut head).map_err(|e| Error::from_io(file, e))?;
        let rows = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let header = usize::from(u16::from_le_bytes([head[8], head[9]]));
        let length = usize::from(u16::from_le_bytes([head[10], head[11]]));
        let encoding = encoding(options, cpg, head[29])?;
        let mut rest = Vec::new();
        let wanted = header.checked_sub(32).ok_or_else(|| malformed("its header is shorter than 32 bytes"))?;
        (&mut reader).take(wanted as u64).read_to_end(&mut rest).map_err(|e| Error::from_io(file, e))?;
        if rest.len() < wanted {
            return Err(Error::Truncated { file: file.to_owned(), detail: "in the header of its table".to_owned() });
        }
        let mut fields = Vec::new();
        for descriptor in rest.chunks_exact(32).take_while(|d| d.first() != Some(&0x0d)).take(MAX_FIELDS) {
            let name = descriptor[..11].split(|b| *b == 0).next().unwrap_or_default().trim_ascii();
            let name = decode(name, encoding).map_err(|reason| malformed(&reason))?;
            fields.push(Field {
                name,
                kind: descriptor[11],
                length: usize::from(descriptor[16]),
                decimals: descriptor[17],
            });
        }
        if 1 + fields.iter().map(|f| f.length).sum::<usize>() > length {
            return Err(malformed("its fields are longer than its rows"));
        }
        Ok(Self { reader, file: file.to_owned(), fields, encoding, left: rows, stated: rows, row: vec![0; length] })
    }

    /// The next row: `None` inside is one that is marked as deleted.
    pub(super) fn next(&mut self) -> Result<Option<Result<Option<Properties>, Refusal>>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.reader.read_exact(&mut self.row).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::Truncated {
                file: self.file.clone(),
                detail: format!("row {} of {} of its table", self.stated - self.left + 1, self.stated),
            },
            _ => Error::from_io(&self.file, e),
        })?;
        self.left -= 1;
        if self.row.first() == Some(&b'*') {
            return Ok(Some(Ok(None)));
        }
        Ok(Some(self.properties().map(Some)))
    }

    fn properties(&self) -> Result<Properties, Refusal> {
        let mut properties = Properties::new();
        let mut at = 1;
        for field in &self.fields {
            let bytes = self.row.get(at..at + field.length).unwrap_or_default();
            at += field.length;
            if let Some(value) = field.value(bytes, self.encoding)? {
                properties.insert(field.name.clone(), value);
            }
        }
        Ok(properties)
    }
}

impl Field {
    fn value(&self, bytes: &[u8], encoding: Option<&'static Encoding>) -> Result<Option<Value>, Refusal> {
        let text = bytes.trim_ascii_start();
        let end = text.iter().rposition(|b| !matches!(b, b' ' | 0)).map_or(0, |at| at + 1);
        let text = &text[..end];
        let ascii = || std::str::from_utf8(text).unwrap_or_default();
        let wrong = || format!("its `{}` is no value of its type: {}", self.name, ascii());
        let real = |n: f64| Ok(serde_json::Number::from_f64(n).map(Value::Number));
        match self.kind {
            // Asterisks fill a number that did not fit, which is how "no value" is written.
            b'N' | b'F' if text.is_empty() || text.iter().all(|b| *b == b'*') => Ok(None),
            b'N' | b'F' => {
                let whole = ascii().parse::<i64>().ok().filter(|_| self.decimals == 0);
                whole.map_or_else(|| real(ascii().parse().map_err(|_| wrong())?), |n| Ok(Some(n.into())))
            }
            b'L' => match text {
                b"T" | b"t" | b"Y" | b"y" => Ok(Some(true.into())),
                b"F" | b"f" | b"N" | b"n" => Ok(Some(false.into())),
                _ => Ok(None),
            },
            b'D' => match text {
                [] | b"00000000" => Ok(None),
                digits if digits.len() == 8 && digits.iter().all(u8::is_ascii_digit) => {
                    let digits = ascii();
                    Ok(Some(format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]).into()))
                }
                _ => Err(wrong()),
            },
            b'I' | b'+' => Ok(bytes.first_chunk().map(|raw| i32::from_le_bytes(*raw).into())),
            b'O' | b'B' if bytes.len() == 8 => {
                real(bytes.first_chunk().map_or(f64::NAN, |raw| f64::from_le_bytes(*raw)))
            }
            b'C' | b'V' if !text.is_empty() => decode(text, encoding).map(|text| Some(text.into())),
            _ => Ok(None),
        }
    }
}

fn decode(bytes: &[u8], encoding: Option<&'static Encoding>) -> Result<String, Refusal> {
    if bytes.is_ascii() {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    let sample = || String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
    let encoding = encoding.ok_or_else(|| {
        format!("`{}` is not ASCII and no .cpg says its encoding; pass --encoding, such as --encoding gbk", sample())
    })?;
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(std::borrow::Cow::into_owned)
        .ok_or_else(|| format!("`{}` is not {}; pass --encoding", sample(), encoding.name()))
}

/// The caller's encoding, else that of the `.cpg`, else that of the language mark (byte 29).
fn encoding(options: &Options, cpg: Option<&[u8]>, mark: u8) -> Result<Option<&'static Encoding>, Error> {
    let unknown = |label: &str| Error::Option {
        option: "--encoding",
        reason: format!("`{label}` is no encoding that is read here; give a label such as utf-8, gbk, windows-1252"),
    };
    if let Some(label) = &options.encoding {
        return by_label(label).map(Some).ok_or_else(|| unknown(label));
    }
    if let Some(cpg) = cpg {
        let label = String::from_utf8_lossy(cpg).trim().trim_start_matches('\u{feff}').to_owned();
        return by_label(&label).map(Some).ok_or_else(|| unknown(&label));
    }
    Ok(match mark {
        0x03 | 0x58 | 0x59 => by_label("windows-1252"),
        0x13 | 0x7b => by_label("shift_jis"),
        0x4d | 0x7a => by_label("gbk"),
        0x4f | 0x78 => by_label("big5"),
        0x4e | 0x79 => by_label("euc-kr"),
        0xc8 => by_label("windows-1250"),
        0xc9 => by_label("windows-1251"),
        0xca => by_label("windows-1254"),
        0xcb => by_label("windows-1253"),
        _ => None,
    })
}

/// Labels of the WHATWG's, and the numbers of code pages that `.cpg` files have.
fn by_label(label: &str) -> Option<&'static Encoding> {
    let lower = label.trim().to_ascii_lowercase();
    let plain = lower.trim_start_matches("ansi").trim_start_matches("cp").trim_start_matches("oem").trim();
    let name = match plain {
        "65001" => "utf-8",
        "936" => "gbk",
        "950" => "big5",
        "932" => "shift_jis",
        "949" => "euc-kr",
        "1250" => "windows-1250",
        "1251" => "windows-1251",
        "1252" => "windows-1252",
        "1253" => "windows-1253",
        "1254" => "windows-1254",
        "88591" => "iso-8859-1",
        "866" => "ibm866",
        _ => lower.as_str(),
    };
    Encoding::for_label(name.as_bytes())
}
