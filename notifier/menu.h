/* The bot's menu of commands, in each language: told to Telegram when a shift begins. It only helps
 * people type, so nothing waits for it. */
#ifndef PERCH_MENU_H
#define PERCH_MENU_H

struct menu;
struct notifier;

/* Part of a shift (notifier.h). */
struct menu *menu_new(struct notifier *notifier);
void menu_free(struct menu *menu);

#endif
