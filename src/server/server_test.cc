#include "server/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "server/fake_archive.h"

namespace longtake::server {
namespace {

/// A blocking client over a plain socket: what it sends is up to the test.
class Client {
 public:
  explicit Client(std::uint16_t port)
      : Client(port, ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  /// Takes the socket over.
  Client(std::uint16_t port, int socket) : socket_(socket) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view text) {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// One answer: head and as many body bytes as it says (none after HEAD).
  std::string answer(bool with_body = true) {
    while (received_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return received_;
    }
    const std::size_t head = received_.find("\r\n\r\n") + 4;
    const std::size_t at = received_.find("Content-Length: ");
    const std::size_t body = with_body && at < head
                                 ? static_cast<std::size_t>(std::atol(received_.c_str() + at + 16))
                                 : 0;
    while (received_.size() < head + body && more()) {
    }
    std::string taken = received_.substr(0, head + body);
    received_.erase(0, head + body);
    return taken;
  }
  /// True when bytes wait to be received within the same guard; takes none.
  bool waits_for_bytes() const {
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, 20'000) == 1;
  }
  /// True when the server closes within a hang guard of 20 s.
  bool is_closed(int patience_ms = kPatienceMs) {
    while (more(patience_ms)) {
    }
    return ended_;
  }

 private:
  static constexpr int kPatienceMs = 20'000;  // a hang guard

  bool more(int patience_ms = kPatienceMs) {
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, patience_ms) != 1) return false;
    char bytes[65536];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    received_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  std::string received_;
  bool ended_ = false;
};

/// Comes and goes, whether anybody listens or not.
void knock(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::close(socket);
}

/// Takes few bytes before its owner reads.
int small_socket() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  constexpr int kBytes = 4096;
  EXPECT_EQ(::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kBytes, sizeof kBytes), 0);
  return socket;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    std::string name = (std::filesystem::temp_directory_path() / "longtake-server-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    files_ = *base::open_file_system(folder_);
    archive_.files = files_.get();
    fill(archive_);
    content_.resize(3'000'000);
    for (std::size_t i = 0; i < content_.size(); ++i)
      content_[i] = static_cast<char>(i * 7 + i / 251);
    archive_.add_segment({.run = {0x10}, .sequence = 1}, content_, false);
    server_ = *Server::listen({"127.0.0.1", 0}, base::null_logger(), metrics_, clock_);
    server_->serve(archive_, cameras_);
  }
  ~ServerTest() override {
    server_->stop();
    std::filesystem::remove_all(folder_);
  }

  std::string folder_;
  std::unique_ptr<base::FileSystem> files_;
  FakeArchive archive_;
  FakeCameras cameras_;
  base::Metrics metrics_;
  base::ManualClock clock_;
  std::string content_;
  std::unique_ptr<Server> server_;
};

constexpr std::string_view kAlive = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view kSegment = "/api/v1/recordings/front/segments/10-1.mp4";

std::string get(std::string_view target, std::string_view fields = "",
                std::string_view method = "GET") {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(fields) + "\r\n";
}

TEST_F(ServerTest, KeepsTheConnectionForTheNextRequest) {
  Client client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.send(kAlive);
    EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 200 OK\r\n"));
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Client client(server_->port());
  client.send(get("/healthz") + get("/nothing") + get("/readyz"));
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, SendsAFileWhole) {
  Client client(server_->port());
  client.send(get(kSegment));
  const std::string answer = client.answer();
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), content_);
}

TEST_F(ServerTest, PartsOfAFileJoinToTheSameBytes) {
  Client client(server_->port());
  std::string joined;
  for (std::size_t at = 0; at < content_.size(); at += 1'000'003) {
    client.send(get(kSegment, "Range: bytes=" + std::to_string(at) + "-" +
                                  std::to_string(at + 1'000'002) + "\r\n"));
    const std::string answer = client.answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 206"));
    joined += answer.substr(answer.find("\r\n\r\n") + 4);
  }
  EXPECT_EQ(joined, content_);
}

TEST_F(ServerTest, HeadSendsNoBody) {
  Client client(server_->port());
  client.send(get(kSegment, "", "HEAD") + std::string(kAlive));
  const std::string head = client.answer(false);
  EXPECT_NE(head.find("Content-Length: 3000000\r\n"), std::string::npos);
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, Sec06SlowHeaderIsCutAfterItsDeadline) {
  Client slow(server_->port());
  Client good(server_->port());
  slow.send("GET / HT");
  good.send(kAlive);
  EXPECT_TRUE(good.answer().starts_with("HTTP/1.1 200"));
  // Its own loop may look at the clock for the first time only after the good client is answered.
  bool is_closed = false;
  for (int round = 0; round < 100 && !is_closed; ++round) {
    clock_.advance(limits::kHttpIdle + std::chrono::seconds(1));
    is_closed = slow.is_closed(/*patience_ms=*/200);
  }
  EXPECT_TRUE(is_closed);
}

TEST_F(ServerTest, Sec06WhoeverHoldsAllConnectionsInSilenceKeepsNobodyOut) {
  std::vector<std::unique_ptr<Client>> silent;
  for (std::size_t i = 0; i < 3 * limits::kHttpConnectionsPerAddress; ++i) {
    silent.push_back(std::make_unique<Client>(server_->port()));
    silent.back()->send("GET / HT");
  }
  for (int i = 0; i < 10; ++i) {
    Client good(server_->port());
    good.send(kAlive);
    EXPECT_TRUE(good.answer().starts_with("HTTP/1.1 200"));
  }
  EXPECT_TRUE(silent.front()->is_closed()) << "the longest wait ends first";
}

TEST_F(ServerTest, Sec06OneAddressGetsItsShareOfAnswersAndNoMore) {
  archive_.add_segment({.run = {0x10}, .sequence = 2}, std::string(16'000'000, 'x'), false);
  std::vector<std::unique_ptr<Client>> busy;
  for (std::size_t i = 0; i < limits::kHttpConnectionsPerAddress; ++i) {
    busy.push_back(std::make_unique<Client>(server_->port(), small_socket()));
    busy.back()->send(get("/api/v1/recordings/front/segments/10-2.mp4"));
    ASSERT_TRUE(busy.back()->waits_for_bytes());
  }
  Client over(server_->port());
  EXPECT_TRUE(over.is_closed());
}

TEST_F(ServerTest, Sec07AmbiguousRequestIsAnsweredOnceAndTheConnectionClosed) {
  Client client(server_->port());
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n" +
      std::string(kAlive));
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, Sec05BodiesAreRefusedBeforeTheyAreRead) {
  Client large(server_->port());
  large.send(get("/api/v1/recordings", "Content-Length: 1073741824\r\n", "POST"));
  EXPECT_TRUE(large.answer().starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(large.is_closed());
  Client small(server_->port());
  small.send(get("/api/v1/recordings", "Content-Length: 2\r\n", "POST"));
  EXPECT_TRUE(small.answer().starts_with("HTTP/1.1 405"));
  Client asks(server_->port());
  asks.send(get("/api/v1/recordings", "Content-Length: 2\r\n"));
  EXPECT_TRUE(asks.answer().starts_with("HTTP/1.1 400"));
}

TEST_F(ServerTest, MethodThatIsNotTakenIsToldSoWithABodyToo) {
  Client client(server_->port());
  client.send(get("/api/v1/recordings", "Content-Length: 2\r\n", "POST") + "{}");
  const std::string answer = client.answer();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405"));
  EXPECT_NE(answer.find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, Sec06AnswersThatNobodyTakesHaveABound) {
  for (std::uint32_t i = 2; i < 100'000; ++i)
    archive_.infos.push_back({.id = {.run = {0x10}, .sequence = i}, .range = {}, .size_bytes = i});
  const std::string_view list = "/api/v1/recordings/front/segments";
  std::vector<std::unique_ptr<Client>> slow;
  // Each leaves all but what fits into its socket with the server.
  for (int i = 0; i < 12; ++i) {
    slow.push_back(std::make_unique<Client>(server_->port()));
    slow.back()->send(get(list));
    ASSERT_TRUE(slow.back()->waits_for_bytes());
  }
  const std::string refused = slow.back()->answer();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused.substr(0, 300);
  EXPECT_NE(refused.find("\r\nRetry-After: "), std::string::npos);
  slow.back()->send(kAlive);
  EXPECT_TRUE(slow.back()->answer().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(slow.front()->answer().ends_with("]}"));
}

TEST_F(ServerTest, HeaderFloodIsCutAtTheLimit) {
  Client client(server_->port());
  client.send("GET / HTTP/1.1\r\n");
  client.send(std::string(limits::kHttpHeaderBytes, 'a'));
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, ForeignHostIsRefused) {
  Client client(server_->port());
  client.send("GET /api/v1/recordings HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_TRUE(client.answer().starts_with("HTTP/1.1 403"));
}

TEST_F(ServerTest, PortInUseIsSaidInOneSentence) {
  const auto second =
      Server::listen({"127.0.0.1", server_->port()}, base::null_logger(), metrics_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.error().message().find("another program uses the port"), std::string::npos);
}

/// Counts the lines of one event.
class CountingLogger final : public base::Logger {
 public:
  [[nodiscard]] bool is_enabled(base::LogLevel /*level*/) const override { return true; }
  void write(base::LogLevel /*level*/, std::string_view event,
             std::initializer_list<base::LogField> /*fields*/) override {
    if (event == "http.accept_failed") ++accept_failures;
  }
  std::atomic<int> accept_failures = 0;
};

/// As many descriptors as this process has open, and no further one.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(ServerTest, Host16NoDescriptorsAreToldOnceAndTheClientIsAnsweredWhenThereAreSome) {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "UBSan looks at each object's type through a pipe, and calls it none without one";
#endif
#endif
  CountingLogger logger;
  const auto server = *Server::listen({"127.0.0.1", 0}, logger, metrics_, clock_);
  server->serve(archive_, cameras_);
  const auto has_failed_often = [&] {
    const std::string text = metrics_.text();
    const std::string_view name = "\nlongtake_http_accept_failures_total ";
    const std::size_t at = text.find(name);
    return at != std::string::npos && std::atoi(text.c_str() + at + name.size()) >= 5;
  };
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::optional<Client> client;
  {
    const NoMoreDescriptors limit;
    client.emplace(server->port(), socket);
    client->send(kAlive);
    for (int i = 0; i < 2000 && !has_failed_often(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // between looks
    EXPECT_TRUE(has_failed_often());
  }
  EXPECT_TRUE(client->answer().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(logger.accept_failures, 1);
  server->stop();
}

TEST_F(ServerTest, StopsWithClientsConnected) {
  Client client(server_->port());
  client.send("GET / HT");
  server_->stop();
  EXPECT_TRUE(client.is_closed());
}

// A connection that was accepted just before the acceptor closed made the loop accept for ever, and the stop wait.
TEST_F(ServerTest, StopsWhileClientsCome) {
  for (int round = 0; round < 10; ++round) {
    auto server = *Server::listen({"127.0.0.1", 0}, base::null_logger(), metrics_, clock_);
    server->serve(archive_, cameras_);
    std::atomic<bool> has_stopped = false;
    std::vector<std::jthread> clients;
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back([&] {
        while (!has_stopped) knock(server->port());
      });
    }
    {
      const Client one(server->port());
    }
    server->stop();
    has_stopped = true;
  }
}

TEST(ListenAddress, KnowsLoopback) {
  EXPECT_TRUE(ListenAddress::parse("127.0.0.1:8080")->is_loopback());
  EXPECT_TRUE(ListenAddress::parse("[::1]:0")->is_loopback());
  EXPECT_TRUE(ListenAddress::parse("localhost:1")->is_loopback());
  EXPECT_FALSE(ListenAddress::parse("0.0.0.0:8080")->is_loopback());
  EXPECT_FALSE(ListenAddress::parse("192.0.2.1:8080")->is_loopback());
  for (const char* text :
       {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "[::1:80"}) {
    EXPECT_FALSE(ListenAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace longtake::server
