"""Text alone: e-mail cleaning, HTML, normalising, language, personal data, tokens."""
