/* tools/process/notify.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/process/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct manager {
    char folder[32];
    char name[64]; /* As in NOTIFY_SOCKET. */
    int fd;
};

static void
manager_open(struct manager *manager, bool is_abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;

    snprintf(manager->folder, sizeof manager->folder, "/tmp/notify-XXXXXX");
    assert_non_null(mkdtemp(manager->folder));
    snprintf(manager->name, sizeof manager->name, "%s%s/socket",
             is_abstract ? "@" : "", manager->folder);
    length = strlen(manager->name);
    memcpy(address.sun_path, manager->name, length);
    if (is_abstract) {
        address.sun_path[0] = '\0';
    }
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(manager->fd >= 0);
    assert_int_equal(
        bind(manager->fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
        0);
}

static void
manager_close(struct manager *manager)
{
    close(manager->fd);
    if (manager->name[0] == '/') {
        unlink(manager->name);
    }
    rmdir(manager->folder);
}

static void
assert_heard(const struct manager *manager, const char *message)
{
    char heard[4096] = "";
    ssize_t n = recv(manager->fd, heard, sizeof heard - 1, 0);

    assert_true(n >= 0);
    assert_string_equal(heard, message);
}

static void
check_messages(bool is_abstract)
{
    struct manager manager;
    struct notify notify;
    struct error error;

    manager_open(&manager, is_abstract);
    assert_true(notify_open(
        &notify, &(struct notify_environment){manager.name, 0, 0}, &error));
    notify_ready(&notify);
    assert_heard(&manager, "READY=1");
    notify_reloading(&notify, (struct mono_time){12345678999});
    assert_heard(&manager, "RELOADING=1\nMONOTONIC_USEC=12345678");
    notify_stopping(&notify);
    assert_heard(&manager, "STOPPING=1");
    notify_alive(&notify);
    assert_heard(&manager, "WATCHDOG=1");
    assert_int_equal(notify.n_lost, 0);
    notify_close(&notify);
    manager_close(&manager);
}

static void
messages_reach_a_socket_in_the_file_system(void **state)
{
    (void)state;
    check_messages(false);
}

static void
messages_reach_an_abstract_socket(void **state)
{
    (void)state;
    check_messages(true);
}

/* Another line would be another message: READY=1, say. */
static void
a_status_stays_a_line(void **state)
{
    struct manager manager;
    struct notify notify;
    struct error error;
    char long_text[2 * NOTIFY_MAX_STATUS], heard[8 * NOTIFY_MAX_STATUS];

    (void)state;
    manager_open(&manager, false);
    assert_true(notify_open(
        &notify, &(struct notify_environment){manager.name, 0, 0}, &error));
    notify_status(&notify, "a\nREADY=1\033\xff");
    assert_heard(&manager, "STATUS=a\\x0aREADY=1\\x1b\\xff");
    memset(long_text, '\n', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    notify_status(&notify, long_text);
    assert_int_equal(recv(manager.fd, heard, sizeof heard, 0),
                     strlen("STATUS=") + 4 * (size_t)NOTIFY_MAX_STATUS);
    notify_close(&notify);
    manager_close(&manager);
}

static void
without_a_manager_nothing_is_sent(void **state)
{
    const struct notify_environment nobody = {NULL, "1000000", NULL};
    struct notify notify;
    struct error error;

    (void)state;
    assert_true(notify_open(&notify, &nobody, &error));
    assert_int_equal(notify.fd, -1);
    assert_int_equal(notify.watchdog_ns, 0);
    notify_ready(&notify);
    notify_status(&notify, "a");
    assert_int_equal(notify.n_lost, 0);
    notify_close(&notify);
}

static void
a_message_that_nobody_takes_is_counted(void **state)
{
    const struct notify_environment gone = {"/nonexistent/notify", NULL, NULL};
    struct manager manager;
    struct notify notify;
    struct error error;

    (void)state;
    assert_true(notify_open(&notify, &gone, &error));
    notify_ready(&notify);
    assert_int_equal(notify.n_lost, 1);
    notify_close(&notify);

    manager_open(&manager, false);
    assert_true(notify_open(
        &notify, &(struct notify_environment){manager.name, 0, 0}, &error));
    while (notify.n_lost == 0) { /* It does not read, and there is an end. */
        notify_alive(&notify);
    }
    assert_heard(&manager, "WATCHDOG=1");
    notify_close(&notify);
    manager_close(&manager);
}

static int64_t
watchdog_of(const char *usec, const char *pid)
{
    const struct notify_environment environment = {"@segmon-nobody", usec, pid};
    struct notify notify;
    struct error error;
    int64_t watchdog_ns = -1;

    if (notify_open(&notify, &environment, &error)) {
        watchdog_ns = notify.watchdog_ns;
        notify_close(&notify);
    } else {
        assert_int_equal(notify.fd, -1);
        assert_int_equal(error.code, ERROR_VALUE);
    }
    return watchdog_ns;
}

static void
the_watchdog_is_for_who_is_meant(void **state)
{
    char pid[32];

    (void)state;
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(watchdog_of("30000000", NULL), 30 * SECOND_NS);
    assert_int_equal(watchdog_of("30000000", pid), 30 * SECOND_NS);
    assert_int_equal(watchdog_of("30000000", "1"), 0);
    assert_int_equal(watchdog_of(NULL, pid), 0);
}

static void
what_makes_no_sense_is_an_error(void **state)
{
    static const char *const sockets[] = {"relative", "/", "@", "vsock:2:1"};
    struct notify notify;
    struct error error;
    char long_name[200];

    (void)state;
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        assert_false(notify_open(
            &notify, &(struct notify_environment){sockets[i], 0, 0}, &error));
        assert_string_equal(error.where, "NOTIFY_SOCKET");
        assert_int_equal(notify.fd, -1);
    }
    memset(long_name, '/', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_false(notify_open(
        &notify, &(struct notify_environment){long_name, 0, 0}, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_int_equal(watchdog_of("", NULL), -1);
    assert_int_equal(watchdog_of("0", NULL), -1);
    assert_int_equal(watchdog_of("-1", NULL), -1);
    assert_int_equal(watchdog_of("30s", NULL), -1);
    assert_int_equal(watchdog_of("18446744073709551615", NULL), -1);
    assert_int_equal(watchdog_of("30000000", "me"), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_reach_a_socket_in_the_file_system),
        cmocka_unit_test(messages_reach_an_abstract_socket),
        cmocka_unit_test(a_status_stays_a_line),
        cmocka_unit_test(without_a_manager_nothing_is_sent),
        cmocka_unit_test(a_message_that_nobody_takes_is_counted),
        cmocka_unit_test(the_watchdog_is_for_who_is_meant),
        cmocka_unit_test(what_makes_no_sense_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
