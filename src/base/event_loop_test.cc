#include "base/event_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/descriptor.h"

namespace longtake::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr nanoseconds kGuard = seconds(60);  // only a broken loop runs so long

/// A blocking socket that listens on a free port of 127.0.0.1.
class Listener {
 public:
  explicit Listener(int backlog = 16) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(socket_.get(), backlog), 0);
    socklen_t length = sizeof(address_);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_), &length), 0);
  }
  [[nodiscard]] HostPort at() const { return {"127.0.0.1", ntohs(address_.sin_port)}; }
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] Descriptor accept() const {
    return Descriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  Descriptor socket_;
  sockaddr_in address_{};
};

void write_to(const Descriptor& peer, std::string_view text) {
  ASSERT_EQ(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

void reset(Descriptor& peer) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
  peer = Descriptor();
}

struct Handler final : ConnectionHandler {
  void on_connected() override { connected(); }
  void on_readable() override { readable(); }
  void on_failed(const Error& error) override { failed(error); }

  std::function<void()> connected = [] {};
  std::function<void()> readable = [] { ADD_FAILURE() << "unexpected on_readable"; };
  std::function<void(const Error&)> failed = [](const Error& error) {
    ADD_FAILURE() << error.message();
  };
};

class EventLoopTest : public testing::Test {
 protected:
  /// Runs until something calls `loop_.stop()`.
  void run() {
    const auto guard = loop_.schedule(clock_.now() + kGuard, [this] {
      ADD_FAILURE() << "the loop never stopped";
      loop_.stop();
    });
    loop_.run();
    loop_.cancel(guard);
  }
  /// Runs what is due now, and what that posts, a few rounds long.
  void run_a_little() {
    int rounds = 0;
    std::function<void()> round = [&] {
      if (++rounds == 20) return loop_.stop();
      loop_.schedule(clock_.now() + milliseconds(1), [&] { round(); });
    };
    loop_.post([&] { round(); });
    run();
  }
  void connect(const HostPort& to, nanoseconds timeout = kGuard) {
    connection_ = loop_.connect(to, timeout, handler_);
  }
  /// Connects to `listener_` and gives the peer's end, still silent.
  Descriptor connect_to_listener() {
    handler_.connected = [this] { loop_.stop(); };
    connect(listener_.at());
    run();
    return listener_.accept();
  }
  std::string receive_text(std::size_t limit = 65'536) {
    std::string text(limit, '\0');
    const auto received = connection_->receive(std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(received.has_value());
    text.resize(received ? received->bytes : 0);
    return text;
  }

  SystemClock clock_;
  EventLoop loop_{clock_};
  Listener listener_;
  Handler handler_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(EventLoopTest, RunsPostedTasksInOrderFromAnyThread) {
  std::vector<int> ran;
  loop_.post([&] { ran.push_back(1); });
  loop_.post([&] { ran.push_back(2); });
  std::jthread([&] {
    loop_.post([&] {
      ran.push_back(3);
      loop_.post([this] { loop_.stop(); });
    });
  }).join();
  run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST_F(EventLoopTest, FiresTimersByTimeAndEqualTimesByAge) {
  std::vector<char> ran;
  const MonotonicTime now = clock_.now();
  loop_.schedule(now + milliseconds(3), [&] {
    ran.push_back('c');
    loop_.stop();
  });
  loop_.schedule(now + milliseconds(1), [&] { ran.push_back('a'); });
  loop_.schedule(now + milliseconds(1), [&] { ran.push_back('b'); });
  run();
  EXPECT_THAT(ran, ElementsAre('a', 'b', 'c'));
}

TEST_F(EventLoopTest, ATimerNeverFiresBeforeItsTime) {
  const MonotonicTime due = clock_.now() + milliseconds(5);
  MonotonicTime fired;
  // The earlier one sets the alarm; the later one must not go with it.
  const auto early = loop_.schedule(clock_.now() + milliseconds(1), [] {});
  loop_.schedule(due, [&] {
    fired = clock_.now();
    loop_.stop();
  });
  loop_.cancel(early);
  run();
  EXPECT_GE(fired, due);
}

TEST_F(EventLoopTest, ACancelledTimerDoesNotRunEvenWhenDue) {
  Executor::TimerId second = 0;
  loop_.schedule(clock_.now(), [&] { loop_.cancel(second); });
  second = loop_.schedule(clock_.now(), [] { ADD_FAILURE(); });
  run_a_little();
}

TEST_F(EventLoopTest, ATimerThatRenewsItselfAtOnceStarvesNobody) {
  std::function<void()> renew = [&] { loop_.schedule(clock_.now(), [&] { renew(); }); };
  renew();
  loop_.post([this] { loop_.post([this] { loop_.stop(); }); });
  run();
}

TEST_F(EventLoopTest, DestroysTasksThatNeverRanWhileTheirTimersStillWork) {
  auto inner = std::make_shared<EventLoop>(clock_);
  auto timer = std::make_unique<Timer>(*inner);
  timer->start_after(kGuard, [] {});
  inner->post([owned = std::move(timer)] {});
  auto second = std::make_unique<Timer>(*inner);
  second->start_after(kGuard, [] {});
  inner->schedule(clock_.now() + kGuard, [owned = std::move(second)] {});
  inner.reset();  // the sanitizers judge
}

TEST_F(EventLoopTest, ConnectsReceivesAndSends) {
  const Descriptor peer = connect_to_listener();
  EXPECT_THAT(connection_->peer(), HasSubstr("127.0.0.1:"));
  write_to(peer, "hello");
  std::string text;
  handler_.readable = [&] {
    text += receive_text();
    if (text.size() == 5) loop_.stop();
  };
  run();
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(receive_text(), "");
  ASSERT_TRUE(connection_->send(as_bytes("world")).has_value());
  std::array<char, 5> got{};
  ASSERT_EQ(::recv(peer.get(), got.data(), got.size(), MSG_WAITALL), 5);
  EXPECT_EQ(std::string_view(got.data(), 5), "world");
}

TEST_F(EventLoopTest, TheHandlerIsNotCalledFromInsideConnect) {
  bool is_inside = true;
  handler_.connected = [&] {
    EXPECT_FALSE(is_inside);
    loop_.stop();
  };
  loop_.post([&] {
    connect(listener_.at());
    is_inside = false;
  });
  run();
}

TEST_F(EventLoopTest, TellsOnceThatThePeerHasClosed) {
  Descriptor peer = connect_to_listener();
  peer = Descriptor();
  int calls = 0;
  handler_.readable = [&] {
    ++calls;
    std::array<std::byte, 8> into{};
    const auto received = connection_->receive(into);
    ASSERT_TRUE(received.has_value());
    EXPECT_TRUE(received->end);
  };
  run_a_little();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, WaitsForTheLowWaterMark) {
  const Descriptor peer = connect_to_listener();
  connection_->set_low_water_mark(1'000);
  write_to(peer, std::string(100, 'a'));
  loop_.schedule(clock_.now() + milliseconds(20), [&] { write_to(peer, std::string(900, 'b')); });
  std::string text;
  handler_.readable = [&] {
    text = receive_text();
    loop_.stop();
  };
  run();
  EXPECT_EQ(text.size(), 1'000U);
}

TEST_F(EventLoopTest, ReceiveTakesWhatIsBelowTheLowWaterMark) {
  const Descriptor peer = connect_to_listener();
  connection_->set_low_water_mark(1'000);
  write_to(peer, "thin");
  EXPECT_EQ(receive_text(), "thin");
}

TEST_F(EventLoopTest, LoweringTheMarkReportsWhatAlreadyWaits) {
  const Descriptor peer = connect_to_listener();
  connection_->set_low_water_mark(1'000);
  write_to(peer, "thin");
  handler_.readable = [&] {
    EXPECT_EQ(receive_text(), "thin");
    loop_.stop();
  };
  loop_.schedule(clock_.now() + milliseconds(5), [&] { connection_->set_low_water_mark(1); });
  run();
}

TEST_F(EventLoopTest, RefusedIsUnavailable) {
  HostPort nobody;
  {
    const Listener gone;
    nobody = gone.at();
  }
  std::optional<Error> failure;
  handler_.failed = [&](const Error& error) {
    failure = error;
    loop_.stop();
  };
  connect(nobody);
  run();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code(), ErrorCode::kUnavailable);
  EXPECT_THAT(failure->message(), HasSubstr("127.0.0.1:" + std::to_string(nobody.port)));
}

// A listener whose queue is full leaves further connections without an answer, as a dead address
// does.
TEST_F(EventLoopTest, NoAnswerInTimeIsDeadlineExceeded) {
  const Listener full(0);
  std::vector<Descriptor> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(::connect(fillers.back().get(), full.raw(), sizeof(sockaddr_in)));
  }
  std::optional<Error> failure;
  handler_.failed = [&](const Error& error) {
    failure = error;
    loop_.stop();
  };
  connect(full.at(), milliseconds(50));
  run();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code(), ErrorCode::kDeadlineExceeded);
}

TEST_F(EventLoopTest, ANameThatDoesNotResolveIsNotFound) {
  std::optional<Error> failure;
  handler_.failed = [&](const Error& error) {
    failure = error;
    loop_.stop();
  };
  connect({std::string(300, 'x'), 554});
  run();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code(), ErrorCode::kNotFound);
}

// "localhost" is ::1 first on most machines, and nobody listens there.
TEST_F(EventLoopTest, TriesTheFurtherAddressesOfAName) {
  handler_.connected = [this] { loop_.stop(); };
  connect({"localhost", listener_.at().port});
  run();
  EXPECT_THAT(connection_->peer(), HasSubstr("127.0.0.1:"));
}

TEST_F(EventLoopTest, AResetIsTheErrorOfTheNextReceive) {
  Descriptor peer = connect_to_listener();
  reset(peer);
  std::optional<Error> failure;
  handler_.readable = [&] {
    std::array<std::byte, 8> into{};
    auto received = connection_->receive(into);
    ASSERT_FALSE(received.has_value());
    failure = received.error();
    loop_.stop();
  };
  run();
  EXPECT_EQ(failure->code(), ErrorCode::kUnavailable);
}

TEST_F(EventLoopTest, ABrokenSendIsToldByTheHandlerAndNothingFollows) {
  Descriptor peer = connect_to_listener();
  reset(peer);
  handler_.readable = [&] {};
  int failures = 0;
  handler_.failed = [&](const Error& error) {
    ++failures;
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    handler_.readable = [] { ADD_FAILURE(); };
  };
  // The reset is there before the first byte is sent, loopback being synchronous.
  ASSERT_TRUE(connection_->send(as_bytes("x")).has_value());
  EXPECT_EQ(failures, 0);
  run_a_little();
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(connection_->send(as_bytes("x")).error().code(), ErrorCode::kFailedPrecondition);
}

TEST_F(EventLoopTest, SendsAllOfWhatThePeerTakesSlowly) {
  const Descriptor peer = connect_to_listener();
  std::string sent;
  std::string got;
  // Fills the kernel's buffers and then ours, up to the limit.
  for (;;) {
    const std::string piece(50'000, static_cast<char>('a' + sent.size() / 50'000 % 26));
    const auto result = connection_->send(as_bytes(piece));
    if (!result) {
      EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
      break;
    }
    sent += piece;
    ASSERT_LT(sent.size(), std::size_t{1} << 30U);
  }
  std::jthread reader([&] {
    std::string chunk(65'536, '\0');
    while (got.size() < sent.size()) {
      const ssize_t count = ::recv(peer.get(), chunk.data(), chunk.size(), 0);
      if (count <= 0) break;
      got.append(chunk.data(), static_cast<std::size_t>(count));
    }
    loop_.stop();
  });
  run();
  reader.join();
  EXPECT_TRUE(got == sent) << got.size() << " of " << sent.size();
}

TEST_F(EventLoopTest, RefusesMoreThan256KibibytesAtOnce) {
  const Descriptor peer = connect_to_listener();
  const Bytes much(256 * 1024 + 1);
  EXPECT_EQ(connection_->send(much).error().code(), ErrorCode::kResourceExhausted);
  std::array<char, 1> got{};
  EXPECT_EQ(::recv(peer.get(), got.data(), got.size(), MSG_DONTWAIT), -1);
}

TEST_F(EventLoopTest, SendAndReceiveBeforeConnectingAreRefused) {
  connect(listener_.at());
  std::array<std::byte, 8> into{};
  EXPECT_EQ(connection_->send(as_bytes("x")).error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(connection_->receive(into).error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(connection_->peer(), "");
}

TEST_F(EventLoopTest, AConnectionMayBeDestroyedInOnConnected) {
  handler_.connected = [this] { connection_.reset(); };
  connect(listener_.at());
  const Descriptor peer = [&] {
    run_a_little();
    return listener_.accept();
  }();
  EXPECT_EQ(connection_, nullptr);
  std::array<char, 1> got{};
  EXPECT_EQ(::recv(peer.get(), got.data(), got.size(), 0), 0);  // closed
}

TEST_F(EventLoopTest, AConnectionMayBeDestroyedInOnReadable) {
  const Descriptor peer = connect_to_listener();
  handler_.readable = [this] { connection_.reset(); };
  write_to(peer, "x");
  run_a_little();
  EXPECT_EQ(connection_, nullptr);
}

TEST_F(EventLoopTest, AConnectionMayBeDestroyedInOnFailed) {
  handler_.failed = [this](const Error&) { connection_.reset(); };
  connect({std::string(300, 'x'), 554});
  while (connection_ != nullptr) run_a_little();
}

TEST_F(EventLoopTest, NothingIsHeardOfADestroyedConnection) {
  handler_.connected = [] { ADD_FAILURE(); };
  handler_.failed = [](const Error&) { ADD_FAILURE(); };
  connect(listener_.at());
  connection_.reset();
  connect({std::string(300, 'x'), 554});
  connection_.reset();
  run_a_little();
}

TEST_F(EventLoopTest, LeaksNoDescriptorOverManyConnections) {
  const auto next_descriptor = [] {
    const Descriptor probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return probe.get();
  };
  {
    const Descriptor peer = connect_to_listener();
  }
  connection_.reset();
  const int before = next_descriptor();
  for (int i = 0; i < 50; ++i) {
    const Descriptor peer = connect_to_listener();
    connection_.reset();
  }
  EXPECT_EQ(next_descriptor(), before);
}

}  // namespace
}  // namespace longtake::base
