//! Owns the proof that the proxy is a cable: late, in order, cut and healed. Never measures speed.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// An echo server that lives as long as the test's runtime.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
            });
        }
    });
    address
}

async fn ping(stream: &mut TcpStream) -> io::Result<Duration> {
    let start = std::time::Instant::now();
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut [0; 4]).await?;
    Ok(start.elapsed())
}

#[tokio::test]
async fn a_round_trip_takes_as_long_as_wanted() {
    let lag = Lag::start(echo().await, Duration::from_millis(50)).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, lag.port())).await.unwrap();
    let took = ping(&mut stream).await.unwrap();
    assert!(took >= Duration::from_millis(49), "{took:?}");
}

#[tokio::test]
async fn everything_arrives_in_order_with_its_end() {
    let lag = Lag::start(echo().await, Duration::from_millis(20)).unwrap();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, lag.port())).await.unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let (mut from, mut to) = stream.into_split();
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        to.write_all(&copy).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    from.read_to_end(&mut received).await.unwrap();
    writing.await.unwrap();
    assert!(received == sent);
    let count = sent.len() as u64;
    assert_eq!(lag.carried(), Carried { sent: count, received: count });
}

#[tokio::test]
async fn a_cut_resets_and_refuses_until_it_is_healed() {
    let lag = Lag::start(echo().await, Duration::ZERO).unwrap();
    let address = (Ipv4Addr::LOCALHOST, lag.port());
    let mut stream = TcpStream::connect(address).await.unwrap();
    ping(&mut stream).await.unwrap();
    lag.cut();
    assert_eq!(stream.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    lag.heal();
    ping(&mut TcpStream::connect(address).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_black_hole_holds_everything_until_it_is_healed() {
    let lag = Lag::start(echo().await, Duration::ZERO).unwrap();
    lag.black_hole();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, lag.port())).await.unwrap();
    let held = tokio::time::timeout(Duration::from_millis(100), ping(&mut stream)).await;
    assert!(held.is_err(), "{held:?}");
    lag.heal();
    stream.read_exact(&mut [0; 4]).await.unwrap();
}
