#include "unit.h"

#include <string.h>

#include "fcgi-app/uuid.h"
#include "notifier/client_id.h"

static void assert_id(int64_t bot, int64_t chat, int64_t message, const char *wanted)
{
    char id[CLIENT_ID_MAX];

    client_id_derive(bot, chat, message, id);
    assert_string_equal(id, wanted);
}

/* What was posted before an update of the program must be found after it: the form never changes.
 */
static void the_same_message_has_the_same_id_for_ever(void **state)
{
    (void)state;
    assert_id(7000000001, 4503599627370495, 17, "a386fced-2b4a-87b1-a8e6-550d212dccc4");
    assert_id(1, 1, 1, "bf411731-66b1-857f-b436-47e74047de61");
}

static void another_bot_chat_or_message_has_another_id(void **state)
{
    static const int64_t keys[][3] = {{1, 2, 3},  {2, 1, 3},  {1, 2, 4},  {1, 3, 3},
                                      {12, 3, 4}, {1, 23, 4}, {1, 2, 34}, {0, 0, 0}};
    char ids[COUNT(keys)][CLIENT_ID_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        client_id_derive(keys[i][0], keys[i][1], keys[i][2], ids[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

static void it_is_a_uuid_of_version_eight(void **state)
{
    (void)state;
    for (int64_t message = 1; message < 1000; message++) {
        char id[CLIENT_ID_MAX];

        client_id_derive(7, INT64_MAX, message, id);
        assert_true(uuid_valid(id));
        assert_int_equal(id[14], '8');
        assert_non_null(strchr("89ab", id[19]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_message_has_the_same_id_for_ever),
        cmocka_unit_test(another_bot_chat_or_message_has_another_id),
        cmocka_unit_test(it_is_a_uuid_of_version_eight),
    };

    return cmocka_run_group_tests_name("client_id", tests, NULL, NULL);
}
