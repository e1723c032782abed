/* SPDX-License-Identifier: EUPL-1.2 */
/* See language.h. */
#include "language.h"

#include <string.h>

#include "grammar.h"

static const char *const tags[LANGUAGE_COUNT] = {
	[LANGUAGE_DEFAULT] = "i-default",
	[LANGUAGE_EN] = "en",
	[LANGUAGE_FR] = "fr",
};

/* In the order of lib/err.c, then those of the session. */
static const struct {
	const char *english, *fr;
} texts[] = {
	{ "Not enough memory; try again later",
		"Mémoire insuffisante ; réessayez plus tard" },
	{ "Storage failed; the operator has been told",
		"Erreur de stockage ; l'exploitant est prévenu" },
	{ "The server's storage is full; delete something or try later",
		"Le stockage du serveur est plein ; supprimez quelque chose "
		"ou réessayez plus tard" },
	{ "The key is locked or was destroyed",
		"La clé est verrouillée ou a été détruite" },
	{ "It does not exist", "Cela n'existe pas" },
	{ "It exists already", "Cela existe déjà" },
	{ "Not permitted", "Interdit" },
	{ "User name or password is wrong",
		"Nom d'utilisateur ou mot de passe erroné" },
	{ "The mailbox is full; delete something",
		"La boîte est pleine ; supprimez quelque chose" },
	{ "Over a limit of this server", "Au-delà d'une limite de ce serveur" },
	{ "Syntax error", "Erreur de syntaxe" },
	{ "Not provided by this server", "Ce serveur ne le fournit pas" },
	{ "Not possible in this state", "Impossible dans cet état" },
	{ "It was changed in the meantime", "Modifié entre-temps" },
	{ "Not ready yet; try again", "Pas encore prêt ; réessayez" },
	{ "The service does not answer; try again later",
		"Le service ne répond pas ; réessayez plus tard" },
	{ "It took too long", "Délai dépassé" },
	{ "Too many at once; try again later",
		"Trop de demandes à la fois ; réessayez plus tard" },
	{ "It is not empty; delete what is in it",
		"Ce n'est pas vide ; supprimez d'abord le contenu" },
	{ "No longer valid; start afresh", "Périmé ; recommencez" },
	{ "completed", "terminé" },
	{ "Unknown command", "Commande inconnue" },
	{ "Select a mailbox first", "Ouvrez d'abord une boîte" },
	{ "The mailbox is opened read-only",
		"La boîte est ouverte en lecture seule" },
	{ "The literal is too large", "Le littéral est trop grand" },
	{ "The command line is too long",
		"La ligne de commande est trop longue" },
	{ "The command line is broken", "La ligne de commande est mal formée" },
	{ "Expected DONE", "DONE attendu" },
	{ "A mailbox cannot have that name",
		"Une boîte ne peut porter ce nom" },
	{ "Some of the messages are expunged already",
		"Certains messages sont déjà effacés" },
	{ "Some were changed in the meantime",
		"Certains ont été modifiés entre-temps" },
	{ "An empty message cannot be stored",
		"Un message vide ne peut être enregistré" },
	{ "Message numbers are switched off",
		"Les numéros de message sont désactivés" },
	{ "The batches are too small", "Les lots sont trop petits" },
	{ "It is compressed already", "C'est déjà comprimé" },
	{ "No such language here", "Langue inconnue ici" },
	{ "Signed in", "Connecté" },
	{ "Signed out", "Déconnecté" },
};

const char *language_tag(enum language l)
{
	return tags[l];
}

bool language_find(struct slice range, enum language *out)
{
	if (slice_eqs(range, "*") || slice_ieqs(range, "default")) {
		*out = LANGUAGE_DEFAULT;
		return true;
	}
	/* RFC 4647 3.4, lookup: without its last part, again. */
	while (range.n) {
		for (size_t l = 0; l < LANGUAGE_COUNT; l++)
			if (slice_ieqs(range, tags[l])) {
				*out = (enum language)l;
				return true;
			}
		while (range.n && range.p[range.n - 1] != '-')
			range.n--;
		range.n -= range.n > 0;
	}
	return false;
}

enum err language_parse(struct cursor *c, struct arena *a, enum language *out)
{
	bool found = p_end(c);
	struct slice range;

	*out = LANGUAGE_COUNT;
	while (p_sp(c)) {
		if (!imap_astring(c, a, &range))
			return ERR_SYNTAX;
		if (!found)
			found = language_find(range, out);
	}
	if (!p_end(c))
		return ERR_SYNTAX;
	return found ? ERR_OK : ERR_UNSUPPORTED;
}

void language_put(struct buf *b, enum language l)
{
	buf_adds(b, "* LANGUAGE (");
	if (l < LANGUAGE_COUNT)
		buf_adds(b, tags[l]);
	else
		for (size_t k = 0; k < LANGUAGE_COUNT; k++)
			buf_addf(b, "%s%s", k ? " " : "", tags[k]);
	buf_adds(b, ")\r\n");
}

const char *language_text(enum language l, const char *english)
{
	if (l != LANGUAGE_FR)
		return english;
	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
		if (strcmp(texts[k].english, english) == 0)
			return texts[k].fr;
	return english;
}
