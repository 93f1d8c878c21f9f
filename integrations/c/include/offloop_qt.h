// offloop on a Qt event loop, in C++17: a call is a lambda, and so is what gets its value, which
// runs on the thread that made the offloop_qt. Exceptions come along.
#ifndef OFFLOOP_QT_H
#define OFFLOOP_QT_H

#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <QSocketNotifier>

#include "offloop.h"

// A member of what its handlers use, so that none of them runs after that has ended.
class offloop_qt {
public:
    // Throws std::runtime_error where the system has no thread or descriptor for it.
    offloop_qt() : woken(offloop_open(&number), QSocketNotifier::Read)
    {
        if (number == 0)
            throw std::runtime_error(offloop_last_error());
        auto deliver = [off = number] { offloop_deliver(off, nullptr, nullptr); };
        QObject::connect(&woken, &QSocketNotifier::activated, &woken, deliver);
    }

    // Not inside a handler.
    ~offloop_qt()
    {
        woken.setEnabled(false);
        offloop_destroy(number);
    }

    offloop_qt(const offloop_qt &) = delete;
    offloop_qt &operator=(const offloop_qt &) = delete;

    // For the functions of offloop.h.
    offloop_id id() const { return number; }

    // Same as then(function()), except that the function runs on another thread and `then` later,
    // with a future that is ready: its get() gives the value, or throws what the function threw, or
    // a std::runtime_error that says why it was not run. Never blocks. As for any slot, an exception
    // that leaves `then` ends the program. The function's captures end on the other thread, those
    // of `then` on this one.
    template <class Function, class Then> void run(Function function, Then then)
    {
        using Value = std::invoke_result_t<Function &>;
        using Task = std::packaged_task<Value()>;
        using Future = std::future<Value>;
        auto task = std::make_unique<Task>(std::move(function));
        auto user = std::make_unique<Then>(std::move(then));
        offloop_call call = {};
        call.size = sizeof call;
        call.function = [](void *data, offloop_ticket) noexcept -> void * {
            auto &task = *static_cast<Task *>(data);
            auto future = std::make_unique<Future>(task.get_future());
            task();
            return future.release();
        };
        call.data = task.get();
        call.drop_data = [](void *data) { delete static_cast<Task *>(data); };
        call.drop_value = [](void *value) { delete static_cast<Future *>(value); };
        call.handler = [](void *, void *user, const offloop_outcome *outcome) noexcept {
            std::unique_ptr<Future> future(static_cast<Future *>(outcome->value));
            (*static_cast<Then *>(user))(future ? std::move(*future) : failed<Value>(*outcome));
        };
        call.user = user.get();
        call.drop_user = [](void *user) { delete static_cast<Then *>(user); };
        if (offloop_submit(number, &call, nullptr) != OFFLOOP_OK)
            throw std::logic_error(offloop_last_error());
        task.release();
        user.release();
    }

private:
    template <class Value> static std::future<Value> failed(const offloop_outcome &outcome)
    {
        std::promise<Value> promise;
        promise.set_exception(std::make_exception_ptr(std::runtime_error(outcome.message)));
        return promise.get_future();
    }

    offloop_id number = 0;
    QSocketNotifier woken;
};

#endif
