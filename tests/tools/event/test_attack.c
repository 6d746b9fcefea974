/* attack.h */

#include "tests/support/test.h"

#include "tools/event/attack.h"

#include <string.h>

static void
every_technique_is_found_and_has_named_tactics(void **state)
{
    (void)state;
    for (size_t i = 0; i < attack_n_techniques(); i++) {
        const struct attack_technique *technique = attack_technique_at(i);

        assert_ptr_equal(attack_technique(technique->id), technique);
        assert_non_null(technique->tactics[0]);
        for (size_t j = 0; technique->tactics[j]; j++) {
            assert_non_null(attack_tactic_name(technique->tactics[j]));
        }
    }
    assert_string_equal(attack_technique("T1021.001")->name,
                        "Remote Services: Remote Desktop Protocol");
    assert_string_equal(attack_tactic_name("TA0008"), "Lateral Movement");
}

static void
an_unknown_id_has_no_name(void **state)
{
    (void)state;
    assert_null(attack_technique("T9999"));
    assert_null(attack_technique(""));
    assert_null(attack_tactic_name("TA9999"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_technique_is_found_and_has_named_tactics),
        cmocka_unit_test(an_unknown_id_has_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
