/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `bastide check` in a tenantd. One check at a time; it works in slices while
 * an administrator waits for an answer, which comes a few times a second:
 *
 *	IDLE    --admin_check("")--> WORKING
 *	WORKING --ANSWER_MS, or many findings--> PAUSED (answer with "next")
 *	WORKING --all was looked at--> IDLE (answer without)
 *	PAUSED  --admin_check(number)--> WORKING
 *	PAUSED  --nobody asks for KEEP_MS, or another begins--> IDLE
 */
#include <stdio.h>

#include <bastide/log.h>

#include "admin_check.h"
#include "tenantd.h"

#define ANSWER_MS 250
#define KEEP_MS 60000
#define ROWS 40

static struct {
	struct store_verify *v;
	struct store_check c;
	uint64_t number; /* of the last one begun */
	uint64_t until;  /* when this answer is due */
	json_t *rows;
	void (*done)(void *arg, enum err e, json_t *result); /* NULL: paused */
	void *arg;
	struct later go;
	struct timer *forget;
} check;

static json_t *new_row(void)
{
	char id[OID_TEXT + 1];
	json_t *row = json_object();

	oid_text(&tenantd.tenant.id, id);
	json_object_set_new(row, "tenant", json_string(id));
	return row;
}

static void on_finding(void *arg, const char *line)
{
	json_t *row = new_row();

	json_object_set_new(row, "finding", json_string(line));
	json_array_append_new(check.rows, row);
}

static void end(void)
{
	store_verify_free(check.v);
	check.v = NULL;
	timer_cancel(check.forget);
}

static void add_number(json_t *row, const char *name, uint64_t n)
{
	json_object_set_new(row, name, json_integer((json_int_t)n));
}

static json_t *summary(void)
{
	const struct store_check *c = &check.c;
	json_t *row = new_row();

	add_number(row, "accounts", c->accounts);
	add_number(row, "messages", c->messages);
	add_number(row, "resources", c->resources);
	add_number(row, "bodies", c->bodies);
	add_number(row, "bytes", c->bytes);
	add_number(row, "pages", c->pages);
	add_number(row, "records", c->records);
	add_number(row, "findings", c->findings);
	return row;
}

/* `e` ERR_AGAIN: the check goes on when somebody asks again. */
static void answer(enum err e)
{
	void (*done)(void *arg, enum err e, json_t *result) = check.done;
	json_t *result = json_object();
	char text[80];

	check.done = NULL;
	if (e == ERR_AGAIN) {
		snprintf(text, sizeof(text), "%llu",
			(unsigned long long)check.number);
		json_object_set_new(result, "next", json_string(text));
		snprintf(text, sizeof(text),
			"%llu accounts, %llu pages, %llu MiB of bodies",
			(unsigned long long)check.c.accounts,
			(unsigned long long)check.c.pages,
			(unsigned long long)(check.c.bytes >> 20));
		json_object_set_new(result, "progress", json_string(text));
		timer_set(check.forget, KEEP_MS);
	} else {
		json_array_append_new(check.rows, summary());
		end();
	}
	json_object_set_new(result, "verdict",
		json_string(err_info(check.c.findings ? ERR_CORRUPT : ERR_OK)
				    ->name));
	json_object_set_new(result, "rows", check.rows);
	check.rows = NULL;
	done(check.arg, e == ERR_AGAIN ? ERR_OK : e, result);
}

static void go(void *arg)
{
	enum err e = store_verify_more(check.v, SLICE_US);

	if (e == ERR_AGAIN && loop_now_ms() < check.until &&
		json_array_size(check.rows) < ROWS)
		loop_later(tenantd.tenant.loop, &check.go);
	else
		answer(e);
}

static void on_forget(void *arg)
{
	end();
}

static enum err begin(void)
{
	if (!check.forget)
		TRY(timer_new(
			tenantd.tenant.loop, on_forget, NULL, &check.forget));
	end();
	check.c = (struct store_check){ .report = on_finding };
	check.number++;
	return store_verify_new(tenantd.tenant.store, &check.c, &check.v);
}

enum err admin_check(struct slice after,
	void (*done)(void *arg, enum err e, json_t *result), void *arg)
{
	uint64_t number;

	if (check.done)
		return ERR_BUSY;
	if (!after.n)
		TRY(begin());
	else if (num_u64(after, &number) != ERR_OK || !check.v ||
		 number != check.number)
		return ERR_EXPIRED;
	timer_cancel(check.forget);
	check.done = done;
	check.arg = arg;
	check.rows = json_array();
	check.until = loop_now_ms() + ANSWER_MS;
	check.go = (struct later){ .run = go };
	loop_later(tenantd.tenant.loop, &check.go);
	return ERR_AGAIN;
}

void admin_check_stop(void)
{
	if (!check.v)
		return;
	loop_later_cancel(&check.go);
	if (check.done)
		answer(ERR_UNAVAILABLE);
	end();
	timer_free(check.forget);
	check.forget = NULL;
}
