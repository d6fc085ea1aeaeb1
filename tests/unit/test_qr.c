#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "fcgi-app/qr.h"

/* Which modules a path makes dark; false where a part of it is not a run within the drawing. */
static bool draw(const char *path, int size, bool dark[40][40])
{
    int x = 0, y = 0, width = 0, back = 0, length = 0;
    memset(dark, 0, 40 * sizeof dark[0]);
    for (; *path != '"'; path += length) {
        if (sscanf(path, "M%d %dh%dv1h-%dz%n", &x, &y, &width, &back, &length) != 4 ||
            width != back || width < 1 || x < 4 || y < 4 || x + width > size - 4 || y >= size - 4)
            return false;
        for (int i = 0; i < width; i++)
            dark[y][x + i] = true;
    }
    return true;
}

/* Three corners have a square of 7 with a ring of light in it, the fourth one has not. */
static bool finder(bool dark[40][40], int left, int top)
{
    for (int y = 0; y < 7; y++)
        for (int x = 0; x < 7; x++) {
            bool ring = (x == 1 || x == 5 || y == 1 || y == 5) && x > 0 && x < 6 && y > 0 && y < 6;
            if (dark[top + y][left + x] == ring)
                return false;
        }
    return true;
}

static void a_text_becomes_a_square_with_its_quiet_zone(void **state)
{
    struct buf buf = {0};
    bool dark[40][40];
    int size = 0, start = 0;

    (void)state;
    assert_int_equal(qr_add(&buf, "https://t.me/perch_bot"), 0);
    assert_int_equal(sscanf(buf.data, "{\"size\":%d,\"path\":\"%n", &size, &start), 1);
    assert_int_equal(size, 25 + 2 * 4); /* version 2 takes 26 bytes at level M */
    assert_true(draw(buf.data + start, size, dark));
    assert_true(finder(dark, 4, 4));
    assert_true(finder(dark, size - 11, 4));
    assert_true(finder(dark, 4, size - 11));
    assert_false(finder(dark, size - 11, size - 11));
    assert_string_equal(buf.data + buf.length - 3, "z\"}");
    buf_release(&buf);
}

static void a_text_too_long_is_refused_and_adds_nothing(void **state)
{
    static char text[2333];
    struct buf buf = {0};

    (void)state;
    memset(text, 'x', sizeof text - 2);
    assert_int_equal(qr_add(&buf, text), 0);
    buf_clear(&buf);
    text[sizeof text - 2] = 'x';
    assert_int_equal(qr_add(&buf, text), ERR_INTERNAL);
    assert_int_equal(buf.length, 0);
    buf_release(&buf);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_becomes_a_square_with_its_quiet_zone),
        cmocka_unit_test(a_text_too_long_is_refused_and_adds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
