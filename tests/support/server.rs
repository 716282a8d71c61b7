//! The test server, which uses one thread per connection and logs all requests. Tests can inject faults.

use super::wire::{Answer, Request};
use super::world::{Row, World};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A fault that affects one request. The server executes the request only if the comment of the variant says so.
#[derive(Clone, Debug)]
pub enum Fault {
    CloseBeforeRead,
    /// Executes the request and closes the connection without a response.
    CloseAfterExecute,
    /// Executes the request, sends all headers and only this number of body bytes, and then closes the connection.
    CutAnswer(usize),
    /// Executes the request, sends only the headers, and then waits until the client closes the connection.
    HeadersThenSilence,
    /// Sends nothing until the client closes the connection.
    Silence,
    /// Executes the request, and sends the body byte by byte, with this pause after each byte.
    SlowBody(Duration),
    /// Executes the request, and sends a body of spaces. If `chunked` is `false`, the response has a `Content-Length`
    /// header.
    Spaces {
        bytes: u64,
        chunked: bool,
    },
    Redirect(u16, String),
    /// Sends these bytes and closes the connection.
    Raw(Vec<u8>),
    Response(Answer),
    /// Sends the body of this response in this number of pieces, and pauses before each piece.
    SlowResponse(Answer, usize, Duration),
    /// Executes the request, and adds these headers to the response.
    Headers(Vec<(&'static str, String)>),
    /// Sends a response with this status, content type and body.
    Status(u16, &'static str, String),
    /// Executes the request, but sends a response with this status, content type and body.
    StatusAfterExecute(u16, &'static str, String),
    /// Closes the connection at once, and executes the request after this delay.
    ExecuteLater(Duration),
    /// Executes the request after this delay, and then sends the response.
    Delay(Duration),
}

/// For an assign request, `users` contains the users in the request body.
#[derive(Clone, Debug)]
pub struct Seen {
    pub request: Request,
    pub users: Option<Vec<u64>>,
    pub executed: bool,
}

type Matcher = Box<dyn Fn(&Request) -> bool + Send>;
type Travel = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct State {
    world: World,
    log: Vec<Seen>,
    faults: VecDeque<(Matcher, Fault)>,
    delay: Option<Duration>,
    travel: Option<Travel>,
    spaces_sent: u64,
    closes: bool,
}

/// A running test server, which stops when this value is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    gauge: Arc<Gauge>,
    stopped: Arc<AtomicBool>,
}

#[derive(Default)]
struct Gauge {
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Counts a request as in flight until this guard is dropped.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn start(gauge: &'a Gauge) -> Self {
        let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
        gauge.most.fetch_max(now, Ordering::SeqCst);
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Server {
    /// Starts a server with the empty pack 1001, no users, and the API key `key`.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(State::default()));
        let (gauge, stopped) = (Arc::<Gauge>::default(), Arc::<AtomicBool>::default());
        let server = Self {
            address,
            state: Arc::clone(&state),
            gauge: Arc::clone(&gauge),
            stopped: Arc::clone(&stopped),
        };
        server.with(|world| {
            world.packs.insert(1001, Vec::new());
            world.keys.insert("key".to_owned(), true);
            world.next_id = 500;
        });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (state, gauge) = (Arc::clone(&state), Arc::clone(&gauge));
                let Ok(stream) = stream else { continue };
                gauge.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream, &state, &gauge));
            }
        });
        server
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.state().world)
    }

    pub fn users(&self, users: impl IntoIterator<Item = u64>) -> &Self {
        self.with(|world| world.users.extend(users));
        self
    }

    pub fn already(&self, pack: u64, users: impl IntoIterator<Item = u64>) -> &Self {
        self.with(|world| users.into_iter().for_each(|user| world.put(pack, user)));
        self
    }

    /// Applies the fault to the next request for which `matches` returns `true`.
    pub fn fault_when(
        &self,
        matches: impl Fn(&Request) -> bool + Send + 'static,
        fault: Fault,
    ) -> &Self {
        self.state().faults.push_back((Box::new(matches), fault));
        self
    }

    /// Applies the fault to the next request with this HTTP method. Token requests are not affected.
    pub fn fault(&self, method: &'static str, fault: Fault) -> &Self {
        self.fault_when(
            move |request| request.method == method && !request.path.contains("oauth"),
            fault,
        )
    }

    pub fn delay(&self, delay: Duration) -> &Self {
        self.state().delay = Some(delay);
        self
    }

    /// Makes the server close each connection after the first response, without announcing this in a header.
    pub fn close_after_each_response(&self) -> &Self {
        self.state().closes = true;
        self
    }

    /// Another server can call the returned function to forward requests to this server.
    pub fn handler(&self) -> impl Fn(&Request) -> Answer + Clone + Send + use<> {
        let state = Arc::clone(&self.state);
        move |request| execute(request, &state)
    }

    /// Makes the server call `wait` before handling a request and before sending the response.
    pub fn travel(&self, wait: impl Fn() + Send + Sync + 'static) -> &Self {
        self.state().travel = Some(Arc::new(wait));
        self
    }

    pub fn log(&self) -> Vec<Seen> {
        self.state().log.clone()
    }

    fn count(&self, is: impl Fn(&Request) -> bool) -> usize {
        self.state()
            .log
            .iter()
            .filter(|seen| is(&seen.request))
            .count()
    }

    pub fn requests(&self) -> usize {
        self.count(|_| true)
    }

    pub fn posts(&self) -> usize {
        self.count(|request| request.method == "POST" && !request.path.contains("oauth"))
    }

    pub fn gets(&self) -> usize {
        self.count(|request| request.method == "GET")
    }

    pub fn tokens(&self) -> usize {
        self.count(|request| request.path.contains("oauth"))
    }

    /// Returns the number of users in each assign request, in the order of arrival.
    pub fn sizes(&self) -> Vec<usize> {
        self.state()
            .log
            .iter()
            .filter_map(|seen| seen.users.as_ref().map(Vec::len))
            .collect()
    }

    pub fn most_at_once(&self) -> usize {
        self.gauge.most.load(Ordering::SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.gauge.connections.load(Ordering::SeqCst)
    }

    pub fn spaces_sent(&self) -> u64 {
        self.state().spaces_sent
    }

    pub fn rows(&self, pack: u64) -> Vec<Row> {
        self.with(|world| world.packs[&pack].clone())
    }

    /// Returns the users of all assignments of a pack, sorted by user id. A user with two assignments appears twice.
    pub fn assigned(&self, pack: u64) -> Vec<u64> {
        let mut users: Vec<_> = self.rows(pack).iter().map(|row| row.user).collect();
        users.sort_unstable();
        users
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The accepting thread checks `stopped` only when a client connects, so this code connects to end the thread.
        drop(TcpStream::connect(self.address));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, state: &Arc<Mutex<State>>, gauge: &Gauge) {
    let _ = stream.set_nodelay(true);
    let Ok(mut out) = stream.try_clone() else {
        return;
    };
    let mut input = BufReader::new(stream);
    while let Some(request) = Request::read(&mut input) {
        let in_flight = InFlight::start(gauge);
        let goes_on = respond(&request, &mut out, state, in_flight);
        if goes_on.is_none() || lock(state).closes {
            let _ = out.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn execute(request: &Request, state: &Mutex<State>) -> Answer {
    let mut state = lock(state);
    let (answer, executed) = state.world.execute(request);
    if state.world.canned.is_none() {
        note(&mut state, request, executed);
    }
    answer
}

fn note(state: &mut State, request: &Request, executed: bool) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let users = body["userIds"]
        .as_array()
        .map(|ids| ids.iter().filter_map(Value::as_u64).collect());
    state.log.push(Seen {
        request: request.clone(),
        users,
        executed,
    });
}

/// Returns `None` if the connection must be closed.
fn respond(
    request: &Request,
    out: &mut TcpStream,
    state: &Arc<Mutex<State>>,
    in_flight: InFlight<'_>,
) -> Option<()> {
    let (fault, delay, travel) = {
        let mut state = lock(state);
        let place = state
            .faults
            .iter()
            .position(|(matches, _)| matches(request));
        (
            place
                .and_then(|place| state.faults.remove(place))
                .map(|(_, fault)| fault),
            state.delay,
            state.travel.clone(),
        )
    };
    if let Some(delay) = delay {
        std::thread::sleep(delay);
    }
    let not_executed = || note(&mut lock(state), request, false);
    match fault {
        None => {
            let travel = || travel.iter().for_each(|wait| wait());
            travel();
            let answer = execute(request, state);
            travel();
            // The client may send its next request before `write` returns. The guard is dropped first, so that only the
            // next request counts as in flight.
            drop(in_flight);
            answer.write(out).ok()
        }
        Some(Fault::CloseBeforeRead) => {
            not_executed();
            None
        }
        Some(Fault::CloseAfterExecute) => {
            execute(request, state);
            None
        }
        Some(Fault::CutAnswer(bytes)) => {
            let answer = execute(request, state);
            out.write_all(&answer.head(answer.body.len() as u64)).ok()?;
            out.write_all(&answer.body[..bytes.min(answer.body.len())])
                .ok()?;
            None
        }
        Some(Fault::HeadersThenSilence) => {
            let answer = execute(request, state);
            out.write_all(&answer.head(answer.body.len() as u64)).ok()?;
            until_left(out)
        }
        Some(Fault::Silence) => {
            not_executed();
            until_left(out)
        }
        Some(Fault::SlowBody(pause)) => {
            let answer = execute(request, state);
            out.write_all(&answer.head(answer.body.len() as u64)).ok()?;
            for byte in &answer.body {
                out.write_all(&[*byte]).ok()?;
                std::thread::sleep(pause);
            }
            Some(())
        }
        Some(Fault::Spaces { bytes, chunked }) => {
            execute(request, state);
            spaces(out, bytes, chunked, state)
        }
        Some(Fault::Redirect(status, location)) => {
            not_executed();
            let mut answer = Answer::empty(status);
            answer.headers.push(("location".to_owned(), location));
            answer.write(out).ok()
        }
        Some(Fault::Raw(bytes)) => {
            not_executed();
            out.write_all(&bytes).ok()?;
            None
        }
        Some(Fault::Response(answer)) => {
            not_executed();
            answer.write(out).ok()
        }
        Some(Fault::SlowResponse(answer, pieces, pause)) => {
            not_executed();
            out.write_all(&answer.head(answer.body.len() as u64)).ok()?;
            for piece in answer.body.chunks(answer.body.len().div_ceil(pieces)) {
                std::thread::sleep(pause);
                out.write_all(piece).ok()?;
            }
            Some(())
        }
        Some(Fault::Headers(headers)) => {
            let mut answer = execute(request, state);
            let headers = headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            answer.headers.extend(headers);
            answer.write(out).ok()
        }
        Some(Fault::Status(status, content_type, body)) => {
            not_executed();
            Answer::new(status, content_type, body).write(out).ok()
        }
        Some(Fault::StatusAfterExecute(status, content_type, body)) => {
            execute(request, state);
            Answer::new(status, content_type, body).write(out).ok()
        }
        Some(Fault::ExecuteLater(delay)) => {
            let (request, state) = (request.clone(), Arc::clone(state));
            std::thread::spawn(move || {
                std::thread::sleep(delay);
                execute(&request, &state);
            });
            None
        }
        Some(Fault::Delay(delay)) => {
            std::thread::sleep(delay);
            execute(request, state).write(out).ok()
        }
    }
}

fn until_left(out: &mut TcpStream) -> Option<()> {
    let mut byte = [0];
    while out.read(&mut byte).is_ok_and(|read| read > 0) {}
    None
}

fn spaces(out: &mut TcpStream, bytes: u64, chunked: bool, state: &Mutex<State>) -> Option<()> {
    let head = if chunked {
        "transfer-encoding: chunked".to_owned()
    } else {
        format!("content-length: {bytes}")
    };
    out.write_all(
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{head}\r\n\r\n").as_bytes(),
    )
    .ok()?;
    let piece = [b' '; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(piece.len() as u64);
        let part = &piece[..usize::try_from(size).expect("at most a piece")];
        if chunked {
            out.write_all(format!("{size:x}\r\n").as_bytes()).ok()?;
        }
        out.write_all(part).ok()?;
        if chunked {
            out.write_all(b"\r\n").ok()?;
        }
        left -= size;
        lock(state).spaces_sent += size;
    }
    if chunked {
        out.write_all(b"0\r\n\r\n").ok()?;
    }
    Some(())
}

/// A host to which clients must never connect.
pub struct Trap {
    listener: TcpListener,
}

impl Trap {
    pub fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        Self { listener }
    }

    pub fn url(&self) -> String {
        format!(
            "http://{}/stolen",
            self.listener.local_addr().expect("bound")
        )
    }

    pub fn heard(&self) -> bool {
        self.listener.accept().is_ok()
    }
}
