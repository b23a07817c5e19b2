//! The measure: a TCP echo on tokio, without any messages.

use std::{sync::Arc, time::Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::{
    Failure, IN_FLIGHT, Size,
    options::Options,
    process::{Process, ready},
    table::{Latency, Measured},
};

const MESSAGE: usize = 64;

/// Is the server: what comes goes back.
pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    ready(&address).await
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..read]).await?;
    }
}

pub(crate) struct Client {
    address: String,
    _server: Process,
}

impl Client {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let (server, address) = Process::of_myself(&["--echo"])?;
        Ok(Self { address, _server: server })
    }

    pub(crate) async fn measure(&self, size: Size, options: &Options) -> Result<Measured, Failure> {
        let mut measured = Measured::default();
        if options.has("ask") {
            self.ask(size.single / 10).await?;
            measured.latency = Some(self.ask(size.single).await?);
        }
        if options.has("asks") {
            measured.asks = Some(self.pipelined(size.many).await?);
            measured.asks_in_bulk = Some(self.in_bulk(size.many).await?);
        }
        Ok(measured)
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// One after the other.
    async fn ask(&self, count: usize) -> Result<Latency, Failure> {
        let mut stream = self.connect().await?;
        let (question, mut answer) = ([1; MESSAGE], [0; MESSAGE]);
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            stream.write_all(&question).await?;
            stream.read_exact(&mut answer).await?;
            took.push(began.elapsed());
        }
        Ok(Latency::of(took))
    }

    /// A task writes message by message, another reads; at most so many are under way.
    async fn pipelined(&self, count: usize) -> Result<f64, Failure> {
        let (mut read, mut write) = self.connect().await?.into_split();
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        let began = Instant::now();
        let writer = tokio::spawn({
            let room = room.clone();
            async move {
                for _ in 0..count {
                    room.acquire().await?.forget();
                    write.write_all(&[1; MESSAGE]).await?;
                }
                Ok::<_, Failure>(write)
            }
        });
        let mut buffer = vec![0; 64 * 1024];
        let (mut bytes, mut answers) = (0, 0);
        while answers < count {
            bytes += read.read(&mut buffer).await?;
            room.add_permits(bytes / MESSAGE - answers);
            answers = bytes / MESSAGE;
        }
        let took = began.elapsed();
        drop(writer.await??);
        Ok(count as f64 / took.as_secs_f64())
    }

    /// A single task, which writes as many messages at once as answers have come: the least work that there can be.
    async fn in_bulk(&self, count: usize) -> Result<f64, Failure> {
        let mut stream = self.connect().await?;
        let questions = [1; MESSAGE * IN_FLIGHT];
        let mut buffer = vec![0; 64 * 1024];
        let (mut asked, mut bytes, mut answers) = (IN_FLIGHT, 0, 0);
        let began = Instant::now();
        stream.write_all(&questions).await?;
        while answers < count {
            bytes += stream.read(&mut buffer).await?;
            let more = (bytes / MESSAGE - answers).min(count.saturating_sub(asked));
            answers = bytes / MESSAGE;
            if more > 0 {
                asked += more;
                stream.write_all(&questions[..more * MESSAGE]).await?;
            }
        }
        Ok(count as f64 / began.elapsed().as_secs_f64())
    }
}
