/* One program on every loop; here on Qt 6. It hashes the files of a folder off the loop, while a
 * counter ticks; a click on Cancel cancels it, and Escape closes the window.
 *
 * `struct app` is the same in all of them: compare two by `diff`, and what is left is their loops.
 * Here that is the last fields of it and what stands below it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <QApplication>
#include <QLabel>
#include <QPushButton>
#include <QShortcut>
#include <QSocketNotifier>
#include <QTimer>
#include <QVBoxLayout>

#include "hash_folder.h"

enum { TICK_MS = 50 };

struct app {
    offloop_id off;
    struct hash_options options;
    unsigned long ticks;
    char line[4400];
    offloop_ticket call;
    QLabel *counter, *result;
    QPushButton *button;
};

static void app_on_progress(void *state, void *user, uint64_t done, uint64_t of);
static void app_on_outcome(void *state, void *user, const offloop_outcome *outcome);

static void app_new(struct app *app, const offloop_options *options, int argc, char **argv)
{
    memset(app, 0, sizeof *app);
    app->options = hash_options_from_args(argc, argv);
    if (offloop_create(options, &app->off) != OFFLOOP_OK) {
        fprintf(stderr, "%s\n", offloop_last_error());
        exit(1);
    }
}

/* Here the loop would stand still: `summary = hash_folder(&app->options, 0)`. */
static void app_start(struct app *app)
{
    offloop_call call = {
        .size = sizeof call,
        .function = hash_folder,
        .data = hash_options_copy(&app->options),
        .drop_data = free,
        .drop_value = free,
        .handler = app_on_outcome,
        .on_progress = app_on_progress,
        .name = "hash",
    };
    if (offloop_submit(app->off, &call, &app->call) != OFFLOOP_OK) {
        fprintf(stderr, "%s\n", offloop_last_error());
        exit(1);
    }
}

static void app_cancel(struct app *app)
{
    offloop_cancel(app->call);
}

static void app_tick(struct app *app)
{
    app->ticks++;
}

static void app_on_progress(void *state, void *user, uint64_t done, uint64_t of)
{
    struct app *app = (struct app *)state;
    (void)user;
    snprintf(app->line, sizeof app->line, "%lu of %lu files", (unsigned long)done, (unsigned long)of);
}

static void app_on_outcome(void *state, void *user, const offloop_outcome *outcome)
{
    struct app *app = (struct app *)state;
    (void)user;
    app->call = 0;
    if (outcome->kind == OFFLOOP_OK)
        hash_summary_print((struct hash_summary *)outcome->value, app->line, sizeof app->line);
    else
        snprintf(app->line, sizeof app->line, "%s", outcome->message);
    free(outcome->value);
    puts(app->line);
    fflush(stdout);
}

/* A function that was cancelled may still run: it is asked to stop, and waited for. */
static void app_end(struct app *app)
{
    offloop_shutdown(app->off, 10000, NULL);
    offloop_destroy(app->off);
}

static void show(struct app *app)
{
    app->counter->setText(QString("%1 ticks").arg(app->ticks));
    app->result->setText(app->line);
}

static void on_woken(struct app *app)
{
    offloop_deliver(app->off, app, NULL);
    show(app);
    if (!app->call) {
        app->button->setEnabled(false);
        app->result->setStyleSheet("background: #1e90ff; color: white");
    }
}

int main(int argc, char **argv)
{
    QApplication qt(argc, argv);
    struct app app;
    app_new(&app, NULL, argc, argv);
    app_start(&app);
    QWidget window;
    app.counter = new QLabel;
    app.result = new QLabel;
    app.button = new QPushButton("Cancel");
    QVBoxLayout column(&window);
    for (QWidget *widget : { (QWidget *)app.counter, (QWidget *)app.result, (QWidget *)app.button })
        column.addWidget(widget);
    QSocketNotifier woken(offloop_fd(app.off), QSocketNotifier::Read);
    QObject::connect(&woken, &QSocketNotifier::activated, &window, [&] { on_woken(&app); });
    QObject::connect(app.button, &QPushButton::clicked, &window, [&] { app_cancel(&app); });
    QTimer timer;
    QObject::connect(&timer, &QTimer::timeout, &window, [&] { app_tick(&app), show(&app); });
    timer.start(TICK_MS);
    QShortcut escape(Qt::Key_Escape, &window);
    QObject::connect(&escape, &QShortcut::activated, &window, &QWidget::close);
    window.setWindowTitle("hash_qt");
    window.setFixedSize(460, 130);
    window.show();
    int code = qt.exec();
    woken.setEnabled(false);
    app_end(&app);
    return code;
}
