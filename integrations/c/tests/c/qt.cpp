// offloop_qt.h: what a call brings, and who drops what; run with sanitizers.
// Invariant: a capture counts its copies, so that one which is dropped twice or never is seen.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <QCoreApplication>

#include "offloop_qt.h"

#define CHECK(that)                                                          \
    do {                                                                     \
        if (!(that)) {                                                       \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #that);  \
            std::exit(1);                                                    \
        }                                                                    \
    } while (0)

template <class Call> static std::string thrown(Call call)
{
    try {
        call();
    } catch (const std::exception &why) {
        return why.what();
    }
    return "";
}

int main(int argc, char **argv)
{
    QCoreApplication qt(argc, argv);
    const auto own = std::this_thread::get_id();
    auto capture = std::make_shared<int>(6);
    int seen = 0;
    {
        offloop_qt off;
        off.run([capture] { return std::make_pair(*capture * 7, std::this_thread::get_id()); },
                [&, capture](auto found) {
                    auto [number, thread] = found.get();
                    CHECK(number == 42 && thread != own && std::this_thread::get_id() == own);
                    seen++;
                });
        off.run([]() -> std::unique_ptr<int> { throw std::logic_error("no number"); },
                [&](auto found) {
                    CHECK(thrown([&] { found.get(); }) == "no number");
                    seen++;
                });
        off.run([capture] {}, [&](std::future<void> found) { found.get(), seen++; });
        while (seen < 3)
            qt.processEvents(QEventLoop::WaitForMoreEvents);
        CHECK(offloop_close(off.id()) == OFFLOOP_OK);
        off.run([capture] { return 1; }, [&, capture](std::future<int> found) {
            CHECK(thrown([&] { found.get(); }).find("shut down") != std::string::npos);
            seen++;
        });
        while (seen < 4)
            qt.processEvents(QEventLoop::WaitForMoreEvents);
    }
    {
        offloop_qt off; // none of these is handled
        for (int at = 0; at < 10; at++)
            off.run([capture] { return capture; }, [&, capture](auto) { CHECK(false); });
    }
    for (int at = 0; at < 6000 && capture.use_count() > 1; at++)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(capture.use_count() == 1);
    return 0;
}
