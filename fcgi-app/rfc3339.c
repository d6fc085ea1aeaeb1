#include "rfc3339.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool digits_are(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++)
        if (*pattern == '0' ? !isdigit((unsigned char)*text)
                            : toupper((unsigned char)*text) != *pattern)
            return false;
    return true;
}

static bool date_exists(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1970 || year > 9998 || month < 1 || month > 12)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* "Z" or "+HH:MM". */
static bool offset_valid(const char *text)
{
    if (toupper((unsigned char)text[0]) == 'Z')
        return text[1] == '\0';
    int hours = 0;
    int minutes = 0;
    return (text[0] == '+' || text[0] == '-') && digits_are(text + 1, "00:00") && text[6] == '\0' &&
           sscanf(text + 1, "%2d:%2d", &hours, &minutes) == 2 && hours <= 15 && minutes < 60;
}

bool rfc3339_valid(const char *text)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!digits_are(text, "0000-00-00T00:00:00") ||
        sscanf(text, "%4d-%2d-%2d%*c%2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second) !=
            6)
        return false;
    text += strlen("0000-00-00T00:00:00");
    if (*text == '.') {
        size_t fraction = strspn(text + 1, "0123456789");
        if (fraction < 1 || fraction > 9)
            return false;
        text += 1 + fraction;
    }
    return date_exists(year, month, day) && hour < 24 && minute < 60 && second < 60 &&
           offset_valid(text);
}
