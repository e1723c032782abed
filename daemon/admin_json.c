/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests and replies of administrators. The request comes from the socket's
 * owner only, yet it is checked as from anybody. */
#include <bastide/domain.h>
#include <bastide/mem.h>

#include "admin_json.h"

static bool fits(const struct admin_arg *arg, const json_t *v)
{
	switch (arg->type) {
	case ARG_NUMBER:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case ARG_BOOL:
		return json_is_boolean(v);
	default:
		return json_is_string(v) &&
		       json_string_length(v) <= LIMIT_PASSWORD;
	}
}

static const struct admin_arg *arg_named(
	const struct admin_row *row, const char *name)
{
	for (size_t i = 0; i < admin_n_args(row); i++)
		if (strcmp(row->args[i].name, name) == 0)
			return &row->args[i];
	return NULL;
}

static enum err check_args(const struct admin_row *row, json_t *args)
{
	const char *name;
	json_t *v;

	json_object_foreach(args, name, v)
	{
		const struct admin_arg *arg = arg_named(row, name);
		if (!arg || !fits(arg, v))
			return ERR_SYNTAX;
	}
	for (size_t i = 0; i < admin_n_args(row); i++)
		if (row->args[i].required &&
			!json_object_get(args, row->args[i].name))
			return ERR_SYNTAX;
	return ERR_OK;
}

static struct slice text_of(const json_t *v)
{
	return json_is_string(v)
		       ? slice_of(json_string_value(v), json_string_length(v))
		       : slice_of(NULL, 0);
}

enum err admin_parse(struct slice line, struct admin_request *out)
{
	json_error_t error;
	json_t *root = json_loadb(
		line.p ? line.p : "", line.n, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		return ERR_SYNTAX;
	json_t *args = json_object_get(root, "args");
	if (!args && json_is_object(root)) {
		args = json_object();
		json_object_set_new(root, "args", args);
	}
	enum admin_op op = admin_find(text_of(json_object_get(root, "noun")),
		text_of(json_object_get(root, "verb")));
	enum err e = op == OP_COUNT ? ERR_UNSUPPORTED
		     : !json_is_object(args)
			     ? ERR_SYNTAX
			     : check_args(&admin_rows[op], args);
	if (e != ERR_OK) {
		json_decref(root);
		return e;
	}
	*out = (struct admin_request){ root, args, op };
	return ERR_OK;
}

void admin_request_free(struct admin_request *r)
{
	json_decref(r->root);
	r->root = r->args = NULL;
}

struct slice admin_text(const struct admin_request *r, const char *name)
{
	return text_of(json_object_get(r->args, name));
}

bool admin_given(const struct admin_request *r, const char *name)
{
	return json_object_get(r->args, name) != NULL;
}

int64_t admin_number(
	const struct admin_request *r, const char *name, int64_t preset)
{
	json_t *v = json_object_get(r->args, name);

	return json_is_integer(v)   ? json_integer_value(v)
	       : json_is_boolean(v) ? json_is_true(v)
				    : preset;
}

enum err admin_domain(
	const struct admin_request *r, const char *name, struct buf *out)
{
	return domain_normal(admin_text(r, name), out);
}

enum err admin_address(
	const struct admin_request *r, const char *name, struct buf *out)
{
	return address_normal(admin_text(r, name), out);
}

json_t *json_slice(struct slice s)
{
	return json_stringn(s.p ? s.p : "", s.n);
}

enum err admin_reply(enum err e, json_t *result, struct buf *out)
{
	json_t *root = json_object();

	json_object_set_new(root, "ok", json_boolean(e == ERR_OK));
	if (e == ERR_OK) {
		json_object_set_new(
			root, "result", result ? result : json_object());
	} else {
		json_decref(result);
		json_object_set_new(
			root, "error", json_string(err_info(e)->name));
		json_object_set_new(
			root, "text", json_string(err_info(e)->text));
	}
	char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		return ERR_NOMEM;
	buf_adds(out, text);
	mem_free(text);
	return buf_addc(out, '\n');
}
