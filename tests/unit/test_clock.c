#include "unit.h"

#include <time.h>

#include "common/clock.h"

static void monotonic_time_never_goes_back(void **state)
{
    int64_t last = clock_mono_ms();

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_mono_ms();

        assert_true(now >= last);
        last = now;
    }
}

static void wall_time_is_seconds_since_1970(void **state)
{
    time_t before = time(NULL);
    int64_t wall = clock_wall_s();

    (void)state;
    assert_true(wall >= before && wall <= before + 60);
    assert_true(clock_wall_ms() / 1000 >= wall && clock_wall_ms() / 1000 <= wall + 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(wall_time_is_seconds_since_1970),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
