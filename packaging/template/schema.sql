create table post (id uuid primary key, title text not null);
