/* folder_access.h */

#include "tests/support/test.h"

#include "tools/process/folder_access.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/segmon-access-XXXXXX";

static enum folder_access
access_of(const char *name, const char *user)
{
    char path[100];

    snprintf(path, sizeof path, "%s%s", folder, name);
    return folder_access(path, user);
}

static void
a_folder_is_there_or_can_be_made(void **state)
{
    (void)state;
    assert_int_equal(access_of("", ""), FOLDER_WRITABLE);
    assert_int_equal(access_of("/", ""), FOLDER_WRITABLE);
    assert_int_equal(access_of("/new", ""), FOLDER_WRITABLE);
    assert_int_equal(access_of("/new//", ""), FOLDER_WRITABLE);
    assert_int_equal(access_of("/new/deeper", ""), FOLDER_MISSING);
    assert_int_equal(folder_access("/segmon-nothing/x", ""), FOLDER_MISSING);
}

static void
a_relative_one_is_in_the_working_directory(void **state)
{
    char before[512];

    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(folder_access("new", ""), FOLDER_WRITABLE);
    assert_int_equal(folder_access("new/er", ""), FOLDER_MISSING);
    assert_int_equal(chdir(before), 0);
}

static void
a_file_is_no_folder(void **state)
{
    char path[100];
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(access_of("/file", ""), FOLDER_OTHER);
    assert_int_equal(access_of("/file/below", ""), FOLDER_OTHER);
    assert_int_equal(unlink(path), 0);
}

/* What the kernel says when we are that user is what counts. */
static void
the_service_user_s_rights_count_not_those_of_root(void **state)
{
    const struct passwd *nobody = getpwnam("nobody");
    gid_t groups[64];
    int n_groups = getgroups(64, groups);

    (void)state;
    if (geteuid() != 0 || !nobody || n_groups < 0) {
        skip();
    }
    assert_int_equal(initgroups("nobody", nobody->pw_gid), 0);
    for (unsigned mode = 0; mode < 01000; mode++) {
        for (unsigned owner = 0; owner < 4; owner++) {
            uid_t uid = owner & 1 ? nobody->pw_uid : 0;
            gid_t gid = owner & 2 ? nobody->pw_gid : 0;
            bool may;

            assert_int_equal(chown(folder, uid, gid), 0);
            assert_int_equal(chmod(folder, mode), 0);
            assert_int_equal(setegid(nobody->pw_gid), 0);
            assert_int_equal(seteuid(nobody->pw_uid), 0);
            may = folder_access(folder, "") == FOLDER_WRITABLE;
            assert_int_equal(seteuid(0), 0);
            assert_int_equal(setegid(0), 0);
            assert_int_equal(folder_access(folder, "nobody"),
                             may ? FOLDER_WRITABLE : FOLDER_REFUSED);
        }
    }
    assert_int_equal(setgroups((size_t)n_groups, groups), 0);
    assert_int_equal(chown(folder, 0, 0), 0);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void
a_user_that_is_not_there_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(access_of("", "segmon-nobody-at-all"), FOLDER_WRITABLE);
}

static int
make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_there_or_can_be_made),
        cmocka_unit_test(a_relative_one_is_in_the_working_directory),
        cmocka_unit_test(a_file_is_no_folder),
        cmocka_unit_test(the_service_user_s_rights_count_not_those_of_root),
        cmocka_unit_test(a_user_that_is_not_there_says_nothing),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
