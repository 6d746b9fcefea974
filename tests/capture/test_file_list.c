/* file_list.h */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "capture/file_list.h"
#include "tests/capture/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)

static char folder[64];

static int
make_folder(void **state)
{
    (void)state;
    frames_folder_make(folder, sizeof folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    frames_folder_remove(folder);
    return 0;
}

static void
add_bytes(const char *name, const void *data, size_t size)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    capture_file_save(path, data, size);
}

/* A capture whose only packet is of 'seconds'; of none if 0. */
static void
add_capture(const char *name, uint32_t seconds)
{
    struct capture_packet packet = {.seconds = seconds, .captured = 9};
    struct capture_file file;

    capture_file_init(&file, false);
    capture_file_pcap(&file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    if (seconds) {
        capture_file_pcap_packet(&file, &packet, 0);
    }
    add_bytes(name, file.data, file.size);
    capture_file_done(&file);
}

static void
check_list(const struct file_list *list, const char *const *names, size_t n)
{
    assert_int_equal(list->n_paths, n);
    for (size_t i = 0; i < n; i++) {
        char path[200];

        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_string_equal(list->paths[i], path);
    }
}

static void
a_folder_is_read_in_the_order_of_first_packets(void **state)
{
    static const char *const names[] = {"z.pcap",  "b.cap",    "c.txt",
                                        "a2.pcap", "cut.pcap", "empty.pcap"};
    char *arguments[] = {folder};
    struct file_list list;
    struct error error;
    char path[200];

    (void)state;
    add_capture("a2.pcap", 300);
    add_capture("b.cap", 200);
    add_capture("c.txt", 200);
    add_capture("z.pcap", 100);
    add_capture("empty.pcap", 0);
    add_bytes("cut.pcap",
              "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0\1", 25);
    add_bytes("notes.md", "# Notes\n", 8);
    add_bytes("nothing", "", 0);
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(file_list_init(&list, arguments, 1, &error));
    check_list(&list, names, 6);
    assert_int_equal(list.n_skipped, 2);
    file_list_done(&list);
}

static void
subfolders_are_not_entered(void **state)
{
    char *arguments[] = {folder};
    struct file_list list;
    struct error error;
    char path[200];

    (void)state;
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    add_capture("sub/a.pcap", 100);
    assert_true(file_list_init(&list, arguments, 1, &error));
    assert_int_equal(list.n_paths, 0);
    assert_int_equal(list.n_skipped, 0);
    file_list_done(&list);
    snprintf(path, sizeof path, "%s/sub/a.pcap", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/sub", folder);
    rmdir(path);
}

static void
named_files_stay_as_they_are_and_in_their_order(void **state)
{
    char missing[] = "/nonexistent/a.pcap";
    char input[] = "-";
    char slashed[70];
    char *arguments[] = {missing, input, slashed, missing};
    struct file_list list;
    struct error error;

    (void)state;
    add_capture("only.pcap", 5);
    snprintf(slashed, sizeof slashed, "%s/", folder);
    assert_true(file_list_init(&list, arguments, 4, &error));
    assert_int_equal(list.n_paths, 4);
    assert_string_equal(list.paths[0], missing);
    assert_string_equal(list.paths[1], "-");
    assert_non_null(strstr(list.paths[2], "/only.pcap"));
    assert_null(strstr(list.paths[2], "//"));
    assert_string_equal(list.paths[3], missing);
    file_list_done(&list);
    file_list_done(&list);
}

static void
standard_input_twice_is_an_error(void **state)
{
    char input[] = "-";
    char *arguments[] = {input, folder, input};
    struct file_list list;
    struct error error;

    (void)state;
    assert_false(file_list_init(&list, arguments, 3, &error));
    assert_int_equal(error.code, ERROR_VALUE);
    file_list_done(&list);
}

static void
an_unreadable_folder_is_an_error(void **state)
{
    char *arguments[] = {folder};
    struct file_list list;
    struct error error;

    (void)state;
    if (geteuid() == 0) {
        skip(); /* Root reads everything. */
    }
    chmod(folder, 0);
    assert_false(file_list_init(&list, arguments, 1, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    chmod(folder, 0700);
}

static void
files_in_a_run_have_a_limit(void **state)
{
    static char *arguments[FILE_LIST_MAX + 1];
    char name[] = "a.pcap";
    struct file_list list;
    struct error error;

    (void)state;
    for (size_t i = 0; i < FILE_LIST_MAX + 1; i++) {
        arguments[i] = name;
    }
    assert_true(file_list_init(&list, arguments, FILE_LIST_MAX, &error));
    assert_int_equal(list.n_paths, FILE_LIST_MAX);
    file_list_done(&list);
    assert_false(file_list_init(&list, arguments, FILE_LIST_MAX + 1, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_folder_is_read_in_the_order_of_first_packets, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(subfolders_are_not_entered, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            named_files_stay_as_they_are_and_in_their_order, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(standard_input_twice_is_an_error,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_unreadable_folder_is_an_error,
                                        make_folder, remove_folder),
        cmocka_unit_test(files_in_a_run_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
