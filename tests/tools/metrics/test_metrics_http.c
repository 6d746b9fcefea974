/* metrics_http.c: what the thread that runs the program has to do with it.  All
 * else is in test_metrics.py. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/metrics/metrics_http.h"
#include "tools/runtime/health.h"
#include "tools/runtime/listen_place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_ANSWER = 4000,
    TICK_MS = 20,
    PORT = 9464,
    PATIENCE_S = 30
};

static struct metrics_http *http;
static struct sockaddr_in address;
static const struct health good = {.healthy = true, .ready = true};

/* An address of this process: nobody else's port is in the way. */
static int
set_up(void **state)
{
    uint32_t process = (uint32_t)getpid();
    struct listen_place listen = {.port = PORT};
    struct error error;

    (void)state;
    address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(PORT),
        .sin_addr = {htonl(UINT32_C(0x7f400000) | (process & 0x3fffff))}};
    inet_ntop(AF_INET, &address.sin_addr, listen.address,
              sizeof listen.address);
    http = metrics_http_start(&listen, &error);
    return http ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    metrics_http_stop(http);
    return 0;
}

static void
rest(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* The whole answer. */
static void
ask(const char *path, char answer[MAX_ANSWER])
{
    char request[200];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    size_t size = 0;
    ssize_t got;

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address),
                     0);
    assert_int_equal(write(fd, request, (size_t)n), n);
    while ((got = read(fd, answer + size, MAX_ANSWER - 1 - size)) > 0) {
        size += (size_t)got;
    }
    answer[size] = '\0';
    close(fd);
}

static void
assert_answered(const char *path, const char *status, const char *text)
{
    char answer[MAX_ANSWER];

    ask(path, answer);
    if (!strstr(answer, status) || !strstr(answer, text)) {
        fail_msg("%s: not%sand %s, but %s", path, status, text, answer);
    }
}

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first text that comes in time, which a busy machine may keep waiting. */
static void
assert_metrics(const char *text)
{
    int64_t end = now_ms() + PATIENCE_S * INT64_C(1000);
    char answer[MAX_ANSWER];

    do {
        ask("/metrics", answer);
    } while (strstr(answer, "no metrics came in time") && now_ms() < end);
    if (!strstr(answer, " 200 ") || !strstr(answer, text)) {
        fail_msg("not %s, but %s", text, answer);
    }
}

static void
what_was_published_is_answered(void **state)
{
    struct health health = {.healthy = true};

    (void)state;
    assert_answered("/readyz", " 503 ", "not ok: starting\n");
    snprintf(health.reason, sizeof health.reason, "it rains");
    metrics_http_publish_health(http, &health);
    assert_answered("/readyz", " 503 ", "not ok: it rains\n");
    assert_answered("/healthz", " 200 ", "ok\n");
    metrics_http_publish_health(http, &good);
    assert_answered("/readyz", " 200 ", "ok\n");
}

static atomic_bool stop;
static atomic_int n_texts;

/* As the program does it. */
static void *
publish(void *context)
{
    while (!stop) {
        metrics_http_publish_health(http, &good);
        if (metrics_http_wants_text(http)) {
            char *text = strdup("a 1\n");

            n_texts++;
            metrics_http_publish_text(http, text, strlen(text));
        }
        rest(TICK_MS);
    }
    return context;
}

static void
a_text_is_made_when_one_was_asked_for_and_kept_for_a_while(void **state)
{
    pthread_t thread;
    int64_t began;

    (void)state;
    assert_answered("/metrics", " 503 ", "no metrics came in time\n");
    assert_int_equal(pthread_create(&thread, NULL, publish, NULL), 0);
    assert_metrics("\r\n\r\na 1\n");
    n_texts = 0;
    began = now_ms();
    for (unsigned i = 0; i < 20; i++) {
        assert_metrics("\r\n\r\na 1\n");
    }
    assert_in_range(n_texts, 0, 1 + (now_ms() - began) / METRICS_HTTP_FRESH_MS);
    n_texts = 0;
    rest(METRICS_HTTP_FRESH_MS + 100);
    assert_metrics("\r\n\r\na 1\n");
    assert_true(n_texts > 0);
    stop = true;
    pthread_join(thread, NULL);
}

/* Which was asked for by somebody who did not wait so long. */
static void
a_text_that_came_too_late_is_not_told_later(void **state)
{
    pthread_t thread;
    char *late = strdup("late 1\n");

    (void)state;
    assert_answered("/metrics", " 503 ", "no metrics came in time\n");
    metrics_http_publish_text(http, late, strlen(late));
    rest(METRICS_HTTP_FRESH_MS + 100);
    assert_answered("/metrics", " 503 ", "no metrics came in time\n");
    stop = false;
    assert_int_equal(pthread_create(&thread, NULL, publish, NULL), 0);
    assert_metrics("\r\n\r\na 1\n");
    stop = true;
    pthread_join(thread, NULL);
}

/* Nobody publishes any more. */
static void
a_program_that_is_stuck_is_ill(void **state)
{
    (void)state;
    metrics_http_publish_health(http, &good);
    assert_answered("/healthz", " 200 ", "ok\n");
    rest((long)(METRICS_HTTP_STUCK_NS / MILLISECOND_NS) + 100);
    assert_answered("/healthz", " 503 ", "stuck");
    assert_answered("/readyz", " 503 ", "stuck");
    assert_answered("/metrics", " 503 ", "stuck");
    metrics_http_publish_health(http, &good);
    assert_answered("/healthz", " 200 ", "ok\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_published_is_answered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_text_is_made_when_one_was_asked_for_and_kept_for_a_while, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_text_that_came_too_late_is_not_told_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_is_stuck_is_ill, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
