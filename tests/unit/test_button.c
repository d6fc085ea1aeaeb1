#include "unit.h"

#include <string.h>

#include "notifier/button.h"

static void what_a_button_says_is_read_back(void **state)
{
    static const char prefix[] = ",\"reply_markup\":{\"inline_keyboard\":[[";
    const struct button mute = button_mute(60);
    const struct button offer = button_offer("Ab-9");
    struct buf json = {0};

    (void)state;
    button_row_begin(&json);
    button_add_url(&json, "Open \"it\"", "https://perch.example.org/#/");
    button_add(&json, "Mute", &mute);
    button_add(&json, "Send", &offer);
    button_row_end(&json);
    assert_int_equal(strncmp(json.data, prefix, strlen(prefix)), 0);
    assert_string_equal(json.data + strlen(prefix),
                        "{\"text\":\"Open \\\"it\\\"\",\"url\":\"https://perch.example.org/#/\"},"
                        "{\"text\":\"Mute\",\"callback_data\":\"m60\"},"
                        "{\"text\":\"Send\",\"callback_data\":\"oAb-9\"}]]}");
    assert_int_equal(button_read("m60").kind, BUTTON_MUTE);
    assert_int_equal(button_read("m60").minutes, 60);
    assert_int_equal(button_read("oAb-9").kind, BUTTON_OFFER);
    assert_string_equal(button_read("oAb-9").offer, "Ab-9");
    buf_release(&json);
}

static void any_other_data_is_no_button_of_ours(void **state)
{
    static const char *const hostile[] = {
        "",         "m",       "o",     "m0",         "m-1",
        "m+1",      "m 1",     "m1 ",   "m60x",       "m06",
        "m1000000", "x60",     "M60",   "60",         "o ",
        "o'; --",   "o\xff\n", "om_60", "o{\"a\":1}", "o12345678901234567890123456789012345678901"};

    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++)
        assert_int_equal(button_read(hostile[i]).kind, BUTTON_UNKNOWN);
    assert_int_equal(button_read("o1234567890123456789012345678901234567890").kind, BUTTON_OFFER);
    assert_int_equal(button_read("m999999").kind, BUTTON_MUTE);
}

static void telegram_takes_addresses_the_world_can_open(void **state)
{
    static const char *const good[] = {"https://chat.example.org", "https://chat.example.org/",
                                       "HTTPS://Chat.Example.COM:8443/x",
                                       "https://xn--80a.xn--p1ai/#/with/5"};
    static const char *const bad[] = {"http://chat.example.org",
                                      "https://localhost",
                                      "https://localhost:8080/",
                                      "https://box.local",
                                      "https://a.b.LAN/",
                                      "https://app.test",
                                      "https://127.0.0.1/",
                                      "https://93.184.216.34",
                                      "https://[2001:db8::1]/",
                                      "https://user@chat.example.org/",
                                      "https://chat",
                                      "https://.org",
                                      "https://chat.",
                                      "https://a.b.c",
                                      "https://пример.рф",
                                      "https://",
                                      "chat.example.org",
                                      "ftp://chat.example.org",
                                      ""};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(button_url_fits(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(button_url_fits(bad[i]));
    assert_false(button_url_fits(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_button_says_is_read_back),
        cmocka_unit_test(any_other_data_is_no_button_of_ours),
        cmocka_unit_test(telegram_takes_addresses_the_world_can_open),
    };

    return cmocka_run_group_tests_name("button", tests, NULL, NULL);
}
