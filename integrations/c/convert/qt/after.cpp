// A name is looked up from a Qt window, and shown.
#include <cstdio>
#include <set>
#include <string>
#include <netdb.h>
#include <QApplication>
#include <QLabel>
#include <QTimer>
#include <offloop_qt.h>

// Asks the system, which may ask a server: this takes as long as it takes.
static std::string lookUp(const char *host)
{
    addrinfo hints = {}, *found;
    hints.ai_socktype = SOCK_STREAM;
    if (int error = getaddrinfo(host, nullptr, &hints, &found))
        return gai_strerror(error);
    std::set<std::string> names;
    for (addrinfo *at = found; at; at = at->ai_next) {
        char name[64];
        if (!getnameinfo(at->ai_addr, at->ai_addrlen, name, 64, nullptr, 0, NI_NUMERICHOST))
            names.insert(name);
    }
    freeaddrinfo(found);
    std::string answer;
    for (const std::string &name : names)
        answer += (answer.empty() ? "" : ", ") + name;
    return answer;
}

class Window : public QLabel {
public:
    Window() : QLabel("looking up localhost")
    {
        setWindowTitle("A name");
        setFixedSize(400, 160);
        QTimer::singleShot(50, this, [this] { start(); });
    }

private:
    void start()
    {
        off.run([] { return lookUp("localhost"); },
                [this](auto found) { showAnswer(found.get()); });
    }

    void showAnswer(const std::string &answer)
    {
        std::printf("localhost: %s\n", answer.c_str());
        setText(QString::fromStdString(answer));
        QTimer::singleShot(200, this, &QWidget::close);
    }

    offloop_qt off;
};

int main(int argc, char **argv)
{
    QApplication qt(argc, argv);
    Window window;
    window.show();
    return qt.exec();
}
