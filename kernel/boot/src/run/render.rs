//! `urbis render`: the city as a picture, on any Vulkan adapter, with the same scene and renderer as the page.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use futures_util::StreamExt;
use kernel_server::live::{Filter, snapshot_messages, snapshot_things};
use kernel_store::Reader;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use viewer_app::CameraPose;

use super::serve::runtime;
use crate::cli::RenderArgs;
use crate::remote::Remote;

/// Longest wait for the next message of a snapshot.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn render(args: &RenderArgs) -> anyhow::Result<()> {
    let (width, height) = size(&args.size)?;
    let camera = args.camera.as_deref().map(camera).transpose()?;
    let messages = match (&args.place.data, &args.place.server) {
        (Some(data), _) => of_folder(data)?,
        (None, Some(url)) => runtime()?.block_on(of_server(url, args.key.as_deref()))?,
        (None, None) => Vec::new(),
    };
    let picture = viewer_app::headless::render(&messages, width, height, camera)?;
    write_png(&args.out, picture.width, picture.height, &picture.bytes)
}

fn size(text: &str) -> anyhow::Result<(u32, u32)> {
    let parsed = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match parsed {
        Some((w, h)) if (16..=8192).contains(&w) && (16..=8192).contains(&h) => Ok((w, h)),
        _ => bail!("--size wants WIDTHxHEIGHT between 16 and 8192, such as 1280x720, not `{text}`"),
    }
}

fn camera(text: &str) -> anyhow::Result<CameraPose> {
    let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match numbers.as_slice() {
        [lon_deg, lat_deg, height_m, heading_deg, pitch_deg] if text.split(',').count() == 5 => Ok(CameraPose {
            lon_deg: *lon_deg,
            lat_deg: *lat_deg,
            height_m: *height_m,
            heading_deg: *heading_deg,
            pitch_deg: *pitch_deg,
        }),
        _ => bail!("--camera wants LON,LAT,HEIGHT,HEADING,PITCH, such as 116.31,39.97,400,30,-35, not `{text}`"),
    }
}

fn of_folder(data: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let (reader, _) = Reader::open(data)?;
    let things = snapshot_things(&reader.live(), &Filter::default());
    let pieces = snapshot_messages(&reader, &things).collect::<Result<Vec<_>, _>>()?;
    Ok(pieces.concat())
}

async fn of_server(url: &str, key: Option<&str>) -> anyhow::Result<Vec<Vec<u8>>> {
    let remote = Remote::new(url, key)?;
    let address = remote.socket("/live");
    let mut request = address.as_str().into_client_request().with_context(|| address.clone())?;
    if let Some(authorization) = remote.authorization() {
        request.headers_mut().insert("authorization", authorization.parse().context("the API key")?);
    }
    let connected = tokio_tungstenite::connect_async(request).await;
    let (mut socket, _) = connected.with_context(|| format!("{address}: is urbis running there?"))?;
    let mut messages = Vec::new();
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await.context("the server sent nothing for 30 s")?;
        match next.ok_or_else(|| anyhow!("{address} closed the connection"))?? {
            Message::Binary(bytes) => messages.push(bytes.to_vec()),
            Message::Text(note) if note.contains("snapshot_end") => return Ok(messages),
            _ => {}
        }
    }
}

fn write_png(path: &Path, width: u32, height: u32, rgba: &[u8]) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().with_context(|| path.display().to_string())?;
    writer.write_image_data(rgba).and_then(|()| writer.finish()).with_context(|| path.display().to_string())
}
