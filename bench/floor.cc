// The floor: what it costs merely to receive N RTSP cameras over TCP and write the bytes, nothing else.
//
// One thread, epoll, a receive low-water mark of 32 KiB, writes of 256 KiB, no parsing of what comes after PLAY.
// Usage: floor FOLDER SECONDS URL...    (each stream is written to FOLDER/N.bytes; prints received bytes)

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kWriteBytes = 256 * 1024;
constexpr int kLowWaterBytes = 32 * 1024;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(3);
}

struct Url {
  std::string text;
  std::string host;
  std::uint16_t port = 554;
};

Url parse(const std::string& text) {
  Url url{.text = text, .host = {}};
  std::string rest = text.substr(std::strlen("rtsp://"));
  rest = rest.substr(0, rest.find('/'));
  url.host = rest.substr(0, rest.find(':'));
  if (rest.find(':') != std::string::npos)
    url.port = static_cast<std::uint16_t>(std::atoi(rest.c_str() + rest.find(':') + 1));
  return url;
}

/// Sends one request and waits for the whole reply (headers and body). Blocking: the handshake is not measured.
std::string ask(int socket, const std::string& request) {
  if (send(socket, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
    die("send");
  std::string reply;
  char byte = 0;
  while (reply.find("\r\n\r\n") == std::string::npos) {
    if (recv(socket, &byte, 1, 0) != 1) die("recv");
    reply.push_back(byte);
  }
  const std::size_t at = reply.find("Content-Length: ");
  std::size_t body =
      at == std::string::npos ? 0 : static_cast<std::size_t>(std::atol(reply.c_str() + at + 16));
  for (; body > 0; --body) {
    if (recv(socket, &byte, 1, 0) != 1) die("recv");
    reply.push_back(byte);
  }
  if (reply.find(" 200 ") == std::string::npos) {
    std::fprintf(stderr, "floor: %s", reply.c_str());
    std::exit(3);
  }
  return reply;
}

std::string header_of(const std::string& reply, const std::string& name) {
  const std::size_t at = reply.find(name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return reply.substr(begin, reply.find_first_of(";\r", begin) - begin);
}

int open_stream(const Url& url) {
  const int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(url.port);
  inet_pton(AF_INET, url.host.c_str(), &address.sin_addr);
  if (connect(stream, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("connect");
  const std::string sdp = ask(
      stream, "DESCRIBE " + url.text + " RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n");
  std::string base = header_of(sdp, "Content-Base");
  if (base.empty()) base = url.text + "/";
  std::string session;
  int track = 0;
  for (std::size_t at = sdp.find("m="); at != std::string::npos; at = sdp.find("\nm=", at + 1)) {
    const std::size_t control = sdp.find("a=control:", at);
    if (control == std::string::npos) break;
    std::string target =
        sdp.substr(control + 10, sdp.find_first_of("\r\n", control) - control - 10);
    if (target.find("rtsp://") != 0) target = base + target;
    const std::string reply =
        ask(stream, "SETUP " + target +
                        " RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=" +
                        std::to_string(2 * track) + "-" + std::to_string(2 * track + 1) + "\r\n" +
                        (session.empty() ? "" : "Session: " + session + "\r\n") + "\r\n");
    session = header_of(reply, "Session");
    ++track;
  }
  ask(stream,
      "PLAY " + base + " RTSP/1.0\r\nCSeq: 3\r\nSession: " + session + "\r\nRange: npt=0-\r\n\r\n");
  setsockopt(stream, SOL_SOCKET, SO_RCVLOWAT, &kLowWaterBytes, sizeof kLowWaterBytes);
  return stream;
}

struct Stream {
  int socket = -1;
  int file = -1;
  std::size_t filled = 0;
  std::vector<char> buffer = std::vector<char>(kWriteBytes);
};

/// Takes what waits; writes each time 256 KiB are together. False at the end of the stream.
bool take(Stream& stream, std::uint64_t& total) {
  const ssize_t got = recv(stream.socket, stream.buffer.data() + stream.filled,
                           stream.buffer.size() - stream.filled, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  total += static_cast<std::uint64_t>(got);
  stream.filled += static_cast<std::size_t>(got);
  if (stream.filled == stream.buffer.size()) {
    if (write(stream.file, stream.buffer.data(), stream.filled) < 0) die("write");
    stream.filled = 0;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: floor FOLDER SECONDS URL...\n");
    return 2;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[2]));
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 3; i < argc; ++i) {
    auto stream = std::make_unique<Stream>();
    stream->socket = open_stream(parse(argv[i]));
    stream->file = open((std::string(argv[1]) + "/" + std::to_string(i - 3) + ".bytes").c_str(),
                        O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (stream->file < 0) die("open");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = stream.get();
    epoll_ctl(poll, EPOLL_CTL_ADD, stream->socket, &event);
    streams.push_back(std::move(stream));
  }
  std::printf("playing\n");
  std::fflush(stdout);
  std::uint64_t total = 0;
  std::vector<epoll_event> ready(256);
  while (std::chrono::steady_clock::now() < end) {
    const int events = epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), 100);
    for (int i = 0; i < events; ++i) {
      auto* stream = static_cast<Stream*>(ready[static_cast<std::size_t>(i)].data.ptr);
      if (!take(*stream, total)) epoll_ctl(poll, EPOLL_CTL_DEL, stream->socket, nullptr);
    }
  }
  std::printf("bytes=%llu\n", static_cast<unsigned long long>(total));
  return 0;
}
