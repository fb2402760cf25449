"""The words of refusals, as mail servers' manuals and sources have them: each list names one cause.

A text is searched in lower case, on one line, without codes and links, each address as `@` and each dot inside a name
as `·`, so that `[^.;]` stays within a sentence. Every gap is bounded, so that a search is linear in the text.
"""

import re


def any_of(*patterns: str) -> re.Pattern[str]:
    """Return one pattern for all."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


NAMES = (
    r"users?|user ?name|mail ?box(?:es)?|inbox|recipients?|recipient's|address(?:es|ee)?|accounts?|person|alias|"
    r"e-?mail(?: address| account| id)?|user ?id|local[ -]?part|login|mailing list|customer|name|group"
)
"""What servers call whom a mail is for."""
WHO = rf"(?:{NAMES}|@>?)"
THERE = (
    r"valid|known|recogni[sz]ed|registered|listed|our customer|local|found|here|defined|hosted|one of|active here|"
    r"in (?:the |our |my )?(?:directory|list|control|database)|deliverable|existent|existing|exist"
)
NOT_THERE = (
    r"(?:unknown|unkown|invalid|nonexist\w*|non-exist\w*|undeliverable|unroute?able|"
    r"may not exist|"
    rf"(?:(?:is|are|was|were|does|do|did) ?(?:not|n't|n[o']t)|not|no longer) (?:a |an |being )?(?:{THERE})|"
    rf"(?:can ?not|could ?(?:not|n't)|can't|could not) be (?:found|resolved|located|verified as)|"
    r"no longer (?:exists?|valid|available|active|in (?:use|service)|on|works?|with|at|employed|accept\w*)|"
    r"(?:has been|was|is|were) (?:closed|deleted|removed|terminated|discontinued|cancell?ed)|not exists?|no such)"
)
HOST = r"(?:host ?(?:name)?|domain ?(?:name)?|server|site|exchanger|system)"

FULL = any_of(
    r"over ?-?(?:its |the |their |your )?(?:disk |mail |mailbox |storage |e-?mail )?quota",
    r"quota[^.;]{0,40}(?:exceed|reached|full|violation|over|limit)|overquota",
    r"exceed\w*[^.;]{0,60}(?:quota|storage|limit|space|allocation|size)",
    r"(?:mail ?box|mail ?drop|inbox|folder|account|maildir|disk|user|file ?system|@>?)[^.;]{0,60} (?:is |was |are )?"
    r"(?:too |currently )?full\b",
    r"full (?:mail ?box|inbox)|mail ?box full|mailfolder is full",
    r"out of (?:storage|disk|space)|(?:insufficient|not enough|no more|lack of|no) (?:\w+ ){0,3}(?:space|storage|disk)",
    r"(?:reached|above|over)[^.;]{0,30}(?:storage|size|quota|mailbox|maximum) ?(?:limit|capacity|size)?|storage limit",
    r"(?:message|mail|e-?mail)[^.;]{0,40}(?:too (?:large|big)|larger than)|(?:message|mail) size|size limit|"
    r"file too big",
    r"bo[iî]te[^.;]{0,40}(?:pleine|satur)|(?:postfach|konto|mailbox)[^.;]{0,40}voll\b|buz[oó]n[^.;]{0,30}lleno|"
    r"casella[^.;]{0,30}piena|caixa[^.;]{0,30}cheia|переполнен|容量",
)
"""No room in the mailbox, or the mail is too large for it."""

SENDER = r"(?:sender|originator|return[ -]?path|envelope from|from address|mail from|mailfrom)"
SENDER_REFUSED = any_of(
    rf"{SENDER}(?:'s)?(?: e?-?mail)?(?: address| domain| name)?[^.;]{{0,40}} (?:is |was |has been )?(?:not )?"
    r"(?:reject|refus|denied|denies|block|banned|barred|allowed|invalid|unknown|listed|permitted|accepted|verif|must|"
    r"does ?n|does not|found|exist|could not|unresolv|forged|spoof|resolve|required|locked)",
    rf"(?:invalid|bad|unknown|unverified|forged|illegal|rejected|refused|blocked|banned|no such|"
    rf"unresolvable) {SENDER}\b",
    r"sender (?:verif|call|domain|policy)|domain of sender|(?:reject|refus|block)\w* (?:by|due to|"
    r"because of) [^.;]{0,20}"
    r"sender",
)
"""Our sender's address is not taken."""

US_REFUSED = any_of(
    r"(?:black|block|deny|reject)[ -]?list|\bdns·?bl\b|\brbls?\b|\brhsbl\b|spamhaus|spamcop|barracuda|\bsorbs\b|"
    r"cloudmark|sender ?score|uceprotect|invaluement|mailspike|abusix|senderbase|brightmail",
    r"\bspf\b|\bdkim\b|\bdmarc\b|domainkeys|sender policy framework|\barc\b",
    r"reverse (?:dns|lookup|host ?name|name|mapping|entry)|\brdns\b|\bptr\b|your (?:reverse )?host ?name|fcrdns|"
    r"\b(?:he|eh)lo\b",
    r"weren't sent\b",
    r"reputation|\bspam|unsolicited|\bjunk\b|bulk (?:mail|e-?mail)|\bu[cb]e\b|\bvirus|phish|malware|malicious|"
    r"suspicious",
    rf"(?:your|sending|client|source|originating|connecting)[^.;]{{0,40}}(?:\bip\b|{HOST}|network|mta|"
    r"connection|mail|message)[^.;]{0,60}(?:block(?:ed)?\b|banned|denied|listed|not allowed|not permitted|"
    r"not authori[sz]|"
    r"prohibited)",
    r"(?:block(?:ed|ing)?|banned)[^.;]{0,40}(?:\bips?\b|your|client host|connecting)|client host|\bips?\b[^.;]{0,60}"
    r"(?:block|banned|reject|refused|denied|listed)",
    r"relay(?:ing)?\b[^.;]{0,40}(?:denied|not (?:permitted|allowed|authori[sz]ed)|prohibited|forbidden|refused|"
    r"disabled)|"
    r"unable to relay|not (?:allow|permit)\w* to relay|(?:cannot|not|n't|no|refused to) relay|open relay|not a gateway|"
    r"authentication (?:is )?(?:required|needed)|must (?:authenticate|issue a starttls)",
)
"""Our server, our name or our content is not taken."""

US_PERHAPS = any_of(
    r"message[^.;]{0,40}(?:reject|refus|denied|block|classified|filter|prohibit|not accept)",
    r"content[^.;]{0,30}(?:reject|denied|filter|polic|not accept|block|unaccept)",
    r"(?:reject|refus|block)\w*[^.;]{0,30}content",
    r"polic(?:y|ies)\b|administrative(?:ly)? (?:prohibit|reason)|access (?:is )?denied|not authori[sz]ed|prohibited",
    r"complaint|abuse|rejected by (?:the )?(?:recipient|remote|system|filter|server)|security reason|mail rejected",
)
"""Words that mean us when nothing else is said."""

RESTRICTED = any_of(
    r"resolver.rst",
    r"sender ?not ?authenticated ?for ?group",
    r"allowed[ -]senders list|manually (?:envelope )?blocked|blocked senders list|envelope blocked[ -]+user",
    rf"{WHO} (?:has |have |is |was )?(?:block|reject|refus)(?:ed|ing|s) (?:this |your |the )?sender\b",
    rf"sender (?:is |was |has been )?(?:blocked|rejected|refused) by (?:the )?(?:{NAMES})",
)
"""The recipient, a group or its organisation says who may write to it: nobody else is told so."""

LOCKED = r"(?:locked|disabled|suspended|deactivated|blocked|frozen|restricted|unavailable|closed|not available)"
FOR_A_WHILE = any_of(
    rf"(?:temporarily|temporary|briefly|currently) (?:been |being )?{LOCKED}",
    rf"{LOCKED} (?:temporarily|for now|for the moment|momentarily)",
    r"locked by (?:another|an other) (?:process|session|delivery|client)",
    r"receiving (?:mail|messages?) (?:too quickly|at a rate)",
    rf"{HOST} not found,? (?:please )?try again|temporary failure in name resolution|dns (?:timeout|timed out)",
)
"""The mailbox takes no mail just now, whatever the code beside it says."""

CHOICE = any_of(
    rf"{WHO}[^.;]{{0,60}}(?:\blocked|disabled|suspended|inactive|deactivated|frozen|on hold|expired|not active\b|"
    r"restricted|dormant|barred|blocked|quarantine)",
    rf"(?:disabled|inactive|suspended|locked|deactivated|blocked|restricted|expired|dormant) {WHO}",
    rf"{WHO}[^.;]{{0,60}}(?:not (?:currently )?(?:accepting|receiving)|refus\w+ to accept|does ?(?:n't|not|"
    rf"n[o']t) (?:want|wish|accept)|"
    r"configured (?:to|not)|only accepts?|accepts? (?:mail|messages?) only|rejects? (?:all |your )?(?:mail|messages?))",
    r"only (?:accepts?|receives?)[^.;]{0,40}(?:from|mail)|not accepting (?:any |new |further )?(?:mail|e-?mail|"
    r"messages?)",
    r"(?:not|n't) (?:have )?(?:been )?(?:granted |given )?(?:permi\w+|allowed|"
    r"authori[sz]ed)[^.;]{0,30} (?:to )?(?:send|post|"
    r"deliver|write|submit)\b[^.;]{0,40}(?:to|group|list|recipient|mailbox|@)",
    r"permission to (?:post|send)|delivery (?:is )?restrict|restricted (?:recipient|group|address|list)|"
    r"allow(?:ed)?[ -]?"
    r"(?:list|senders)|white ?list|challenge.response|moderat(?:ed|or)|(?:subscribers?|members?) only",
    r"blocked by (?:the )?(?:user|recipient)|"
    r"recipient (?:has )?"
    r"(?:rejected|refused|blocked) (?:your |the |this )?(?:mail|message|e-?mail|sender)",
)
"""The recipient's side decided: a locked account, a closed list, senders allowed by name."""

NO_HOST = any_of(
    rf"{HOST}[^.;]{{0,60}}(?:unknown|not found|does ?n[o']t exist|does not exist|not exist|non-?existent|no such|"
    rf"invalid|"
    r"(?:cannot|can't|could not|couldn't) be (?:found|resolved)|unresolvable|unroute?able)",
    r"(?:unknown|no such|nonexistent|non-existent|illegal|invalid|unroute?able|unresolvable|bad|unable to (?:find|"
    r"resolve|"
    r"locate|route to)|(?:cannot|could ?(?:not|n't)|can't) (?:find|resolve|route to|look up))(?: [\w-]+){0,3} "
    rf"{HOST}s?\b",
    r"nxdomain|name or service not known|null ?mx|no (?:mx|mail exchanger|valid mx)|(?:mx|"
    r"dns)\b[^.;]{0,60}(?:non-?exist|"
    r"no (?:relevant|usable|valid)|localhost|not found)|(?:mx|records?) [^.;]{0,40}point to non-?exist",
    rf"{HOST}[^.;]{{0,60}} (?:does ?n[o']t|does not|not) (?:accept|receive|handle|host) (?:any )?(?:mail|e-?mail)|"
    r"no relevant answers|couldn't find any host|no mail (?:service|server|host)|i'm not going to try again|"
    r"this host does",
)
"""There is no such domain, or it takes no mail."""

NO_MAILBOX = any_of(
    rf"{WHO}[^.;]{{0,80}}{NOT_THERE}",
    r"(?:unknown|unkown|invalid|no such|no valid|not a valid|bad|illegal|nonexist\w*|non-exist\w*|"
    r"undeliverable|"
    r"unrecogni[sz]ed|no local|unresolvable|not our|not a known|wrong|unroute?able)(?: (?:or|to|final|destination|"
    r"delivery|local|"
    rf"virtual|pop|directory|illegal|invalid|unknown|external)){{0,3}} ?(?:{NAMES})",
    rf"no (?:\w+ )?{WHO} (?:here|by that|with that|of that|found|named|matches|on)|there is no[^.;]{{0,30}}{WHO}|"
    r"recipnotfound|recipient ?not ?found|invalidrecipient|user ?unknown|addressee unknown|unknown ?user",
    rf"not an? (?:registered|valid|known|local)(?: [\w-]+){{0,2}} {WHO}",
    r"(?:does ?n't|does ?not|do not|don't) (?:know|have|recogni[sz]e) (?:an? |any |the |such )?[^.;]{0,40}(?:account|"
    r"user|"
    r"mailbox|address)|not listed in|no longer employed|left the company|not recognized",
    r"recipient[^.;]{0,20} moved|mailbox[^.;]{0,10} moved|user[^.;]{0,20} moved|address has changed|"
    r"new (?:e-?mail )?address is",
    r"requested action not taken: mailbox|mailbox (?:is )?(?:unavailable|not available)|undeliverable address|"
    r"no one (?:here )?by|gone away|"
    r"no match(?:es)? (?:to|in|for|found)",
    r"(?:account|mail ?box|user|recipient) (?:permanently )?"
    r"(?:closed|deleted|removed|terminated|discontinued|cancell?ed)",
    r"(?:utilisateur|adresse|destinataire|compte|bo[iî]te)[^.;]{0,60}(?:inconnue?|inexistante?|n'existe|introuvable|"
    r"invalide)|(?:empf[aä]nger|benutzer|adresse|postfach)[^.;]{0,60}(?:unbekannt|existiert nicht|nicht (?:gefunden|"
    r"bekannt|"
    r"vorhanden|existent)|ung[uü]ltig)|unbekannte[rn]? (?:empf|benutz|adress)",
    r"(?:usuario|direcci[oó]n|destinatario|cuenta|buz[oó]n|utente|indirizzo|casella|usu[aá]rio|endere[cç]o|conta)[^.;]"
    r"{0,60}(?:desconocid|no existe|inexist|sconosciut|non esiste|desconhecid|n[aã]o existe|no (?:fue )?encontrad)|"
    r"onbekend|bestaat niet|не найден|не существует|неизвестн|存在しま|存在しない|不存在|見つかり",
)
"""There is no such mailbox at that domain."""

FOR_NOW = any_of(
    r"try (?:again|later)|retry|temporar|gr[ae]y ?-?list|timed? ?-?out|connection (?:refused|reset|lost|closed|"
    r"dropped)|"
    r"defer|too many|rate[ -]limit|throttl|\blater\b|expired|unreachable|not respond|no response|\bbusy\b|overload|"
    r"\bloop|"
    r"hop count|resources?\b|unable to connect|in queue|\bdown\b|offline|maintenance|undelivered for",
)
"""Words of waiting: they count when nothing else is said."""
