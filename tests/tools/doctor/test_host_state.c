/* Machines that the tests cannot be. */

#include "tests/support/test.h"

#include "tools/doctor/diagnosis.h"
#include "tools/doctor/host_state.h"

static struct diagnosis diagnosis;

static struct host_state
good_host(void)
{
    return (struct host_state){
        .release = "6.1.0-28-amd64",
        .major = 6,
        .minor = 1,
        .memory_bytes = UINT64_C(4) << 30,
        .wanted_bytes = UINT64_C(768) << 20,
        .max_open_files = 1024,
        .output = "/var/log/segmon/events.ndjson",
        .free_bytes = UINT64_C(50) << 30,
        .file_system_bytes = UINT64_C(100) << 30,
    };
}

static void
assert_finds(const struct host_state *host, enum diagnosis_code code)
{
    diagnosis_init(&diagnosis);
    host_state_check(host, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 1);
    assert_int_equal(diagnosis.findings[0].code, code);
    assert_true(diagnosis.findings[0].fix[0]);
}

static void
assert_fine(const struct host_state *host)
{
    diagnosis_init(&diagnosis);
    host_state_check(host, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 0);
}

static void
a_good_machine_has_no_findings(void **state)
{
    struct host_state host = good_host();

    (void)state;
    assert_fine(&host);
}

static void
this_machine_can_be_read(void **state)
{
    struct host_state host;

    (void)state;
    host_state_read(NULL, 0, &host);
    assert_int_equal(host.wanted_bytes, UINT64_C(768) << 20);
    host_state_read(NULL, 1 << 20, &host);
    assert_int_equal(host.wanted_bytes, 1 << 20);
    assert_true(host.major >= 4);
    assert_true(host.memory_bytes > 0);
    assert_true(host.max_open_files > 0);
}

static void
a_kernel_too_old_is_found(void **state)
{
    struct host_state host = good_host();

    (void)state;
    host.major = 4;
    host.minor = 3;
    assert_fine(&host);
    host.minor = 2;
    assert_finds(&host, DIAGNOSIS_HOST_KERNEL);
    host.major = 3;
    host.minor = 18;
    assert_finds(&host, DIAGNOSIS_HOST_KERNEL);
    host.major = 0; /* Nobody knows. */
    assert_fine(&host);
}

static void
little_memory_is_found(void **state)
{
    struct host_state host = good_host();

    (void)state;
    host.memory_bytes = UINT64_C(300) << 20;
    assert_finds(&host, DIAGNOSIS_HOST_MEMORY);
    assert_string_equal(diagnosis.findings[0].fix, "segmon run --memory 151M");
    host.memory_bytes = UINT64_MAX;
    assert_fine(&host);
}

static void
a_disk_that_becomes_full_is_found_before_it_is(void **state)
{
    struct host_state host = good_host();

    (void)state;
    host.free_bytes = UINT64_C(5) << 30;
    assert_fine(&host);
    host.free_bytes = UINT64_C(4) << 30; /* Of a hundred. */
    assert_finds(&host, DIAGNOSIS_HOST_DISK);
    host.file_system_bytes = UINT64_C(2) << 30;
    host.free_bytes = UINT64_C(1000) << 20;
    assert_finds(&host, DIAGNOSIS_HOST_DISK);
    host.free_bytes = UINT64_C(1) << 20;
    assert_finds(&host, DIAGNOSIS_HOST_DISK_FULL);
    host.output = NULL;
    assert_fine(&host);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_machine_has_no_findings),
        cmocka_unit_test(this_machine_can_be_read),
        cmocka_unit_test(a_kernel_too_old_is_found),
        cmocka_unit_test(little_memory_is_found),
        cmocka_unit_test(a_disk_that_becomes_full_is_found_before_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
